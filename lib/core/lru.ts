/** A map that forgets what was written longest ago once it holds `limit` entries. */
export class Lru<Value> {
  readonly #limit: number
  readonly #entries = new Map<string, Value>()
  /** Stays where it got to: a new iterator would look at the place of each deleted entry again. */
  readonly #oldest: Iterator<string> = this.#entries.keys()

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): Value | undefined {
    return this.#entries.get(key)
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size > this.#limit) this.#entries.delete(this.#oldest.next().value as string)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }
}
