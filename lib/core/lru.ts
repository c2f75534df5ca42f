/**
 * A map of at most `limit` entries, and of at most `weightLimit` in weight, which forgets those that were not written
 * for the longest time. It has two halves: when the newer one is full, it becomes the older one, and what was in that is
 * forgotten at once. A single map would have to be looked through for its oldest entry, past the places of all that were
 * deleted.
 */
export class Lru<Value> {
  readonly #limit: number
  readonly #weightLimit: number
  #newer = new Map<string, Value>()
  #older = new Map<string, Value>()
  /** Of all that was written to the newer half, whether or not it is still there. */
  #weight = 0

  constructor(limit: number, weightLimit: number = Infinity) {
    this.#limit = limit
    this.#weightLimit = weightLimit
  }

  get size(): number {
    return this.#newer.size + this.#older.size
  }

  get(key: string): Value | undefined {
    return this.#newer.get(key) ?? this.#older.get(key)
  }

  set(key: string, value: Value, weight = 0): void {
    this.#older.delete(key)
    this.#newer.set(key, value)
    this.#weight += weight
    if (this.#newer.size * 2 < this.#limit && this.#weight * 2 < this.#weightLimit) return
    this.#older = this.#newer
    this.#newer = new Map()
    this.#weight = 0
  }

  delete(key: string): void {
    this.#newer.delete(key)
    this.#older.delete(key)
  }
}
