/** A rate limiter that permits `most` calls at once and regains one every `everyMs`. */
export class TokenBucket {
  readonly #most: number
  readonly #everyMs: number
  #left: number
  #filledAt = performance.now()

  constructor(most: number, everyMs: number) {
    this.#most = most
    this.#everyMs = everyMs
    this.#left = most
  }

  /** Takes one permit. Returns 0, or the milliseconds until the next permit if none is left. */
  take(): number {
    const now = performance.now()
    const filled = Math.floor((now - this.#filledAt) / this.#everyMs)
    this.#filledAt += filled * this.#everyMs
    this.#left = Math.min(this.#most, this.#left + filled)
    // At least 1, because a rounding error must not turn "none left" into 0.
    if (this.#left === 0) return Math.max(1, Math.ceil(this.#filledAt + this.#everyMs - now))
    // A full bucket gains nothing, so its interval starts with the first permit that is taken.
    if (this.#left === this.#most) this.#filledAt = now
    this.#left -= 1
    return 0
  }
}
