/** Runs `work` once at a time: who asks while it runs gets the same result. */
export class SingleFlight<Result> {
  #running: Promise<Result> | undefined

  get isRunning(): boolean {
    return this.#running !== undefined
  }

  run(work: () => Promise<Result>): Promise<Result> {
    this.#running ??= work().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }
}
