/** Permits a few things at once and then one in a while: what is left of it fills up again with time. */
export class Bucket {
  readonly #most: number
  readonly #everyMs: number
  #left: number
  #filledAt = Date.now()

  constructor(most: number, everyMs: number) {
    this.#most = most
    this.#everyMs = everyMs
    this.#left = most
  }

  /** Takes one, where one is left: 0; else the milliseconds until there will be. */
  take(): number {
    const now = Date.now()
    const filled = Math.floor((now - this.#filledAt) / this.#everyMs)
    // A clock that was set back fills nothing, and must not keep the bucket empty for as long.
    if (filled !== 0) this.#filledAt = filled < 0 ? now : this.#filledAt + filled * this.#everyMs
    this.#left = Math.min(this.#most, this.#left + Math.max(0, filled))
    if (this.#left === 0) return this.#filledAt + this.#everyMs - now
    // What was full has not been filling: its time begins with the first that is taken.
    if (this.#left === this.#most) this.#filledAt = now
    this.#left -= 1
    return 0
  }
}
