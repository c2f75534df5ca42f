/**
 * A map with at most `limit` entries and a total weight of at most `weightLimit`, which drops the entries that were
 * written longest ago. Reading an entry does not keep it. The map has two generations: when the newer one is
 * full, it replaces the older one. In a single Map, finding the oldest entry means skipping all deleted ones.
 */
export class GenerationalCache<Value> {
  readonly #limit: number
  readonly #weightLimit: number
  #newer = new Map<string, Value>()
  #older = new Map<string, Value>()
  /** The weight of everything that was written to the newer generation, including what was deleted or overwritten. */
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
