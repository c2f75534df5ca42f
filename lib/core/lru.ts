/**
 * A map of at most `limit` entries, which forgets those that were not written for the longest time. It has two halves:
 * when the newer one is full, it becomes the older one, and what was in that is forgotten at once. A single map would
 * have to be looked through for its oldest entry, past the places of all that were deleted.
 */
export class Lru<Value> {
  readonly #limit: number
  #newer = new Map<string, Value>()
  #older = new Map<string, Value>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#newer.size + this.#older.size
  }

  get(key: string): Value | undefined {
    return this.#newer.get(key) ?? this.#older.get(key)
  }

  set(key: string, value: Value): void {
    this.#older.delete(key)
    this.#newer.set(key, value)
    if (this.#newer.size * 2 < this.#limit) return
    this.#older = this.#newer
    this.#newer = new Map()
  }

  delete(key: string): void {
    this.#newer.delete(key)
    this.#older.delete(key)
  }
}
