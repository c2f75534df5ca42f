/** A rate limiter that permits `most` calls at once and regains one every `everyMs`. */
export class TokenBucket {
  readonly #most: number
  readonly #everyMs: number
  #left: number
  #filledAt = Date.now()

  constructor(most: number, everyMs: number) {
    this.#most = most
    this.#everyMs = everyMs
    this.#left = most
  }

  /** Takes one permit. Returns 0, or the milliseconds until the next permit if none is left. */
  take(): number {
    const now = Date.now()
    const filled = Math.floor((now - this.#filledAt) / this.#everyMs)
    // If the clock was set back, nothing is gained, but the bucket must not stay empty until the clock catches up.
    if (filled !== 0) this.#filledAt = filled < 0 ? now : this.#filledAt + filled * this.#everyMs
    this.#left = Math.min(this.#most, this.#left + Math.max(0, filled))
    if (this.#left === 0) return this.#filledAt + this.#everyMs - now
    // A full bucket gains nothing, so its interval starts with the first permit that is taken.
    if (this.#left === this.#most) this.#filledAt = now
    this.#left -= 1
    return 0
  }
}
