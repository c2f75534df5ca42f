/** Runs some work concurrently and some work exclusively, in order of arrival. */
export class Calm {
  readonly #together = new Set<Promise<unknown>>()
  #alone: Promise<unknown> = Promise.resolve()

  /** Runs work concurrently with other work, while no exclusive work runs. */
  async together<Result>(work: () => Promise<Result>): Promise<Result> {
    for (let before: Promise<unknown> | undefined; before !== this.#alone;) {
      before = this.#alone
      await before
    }
    const running = work()
    this.#together.add(running)
    try {
      return await running
    } finally {
      this.#together.delete(running)
    }
  }

  /** Runs work exclusively, once all running work is done. */
  async alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const before = this.#alone
    let isOver = (): void => {}
    this.#alone = new Promise<void>((resolve) => (isOver = resolve))
    try {
      await before
      await Promise.allSettled(this.#together)
      return await work()
    } finally {
      isOver()
    }
  }
}
