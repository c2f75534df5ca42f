/** Some work together with other work, and some with none beside it, in the order in which it came. */
export class Calm {
  readonly #together = new Set<Promise<unknown>>()
  #alone: Promise<unknown> = Promise.resolve()

  /** While nothing is done alone. */
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

  /** Once all that is under way is done, with nothing beside it. */
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
