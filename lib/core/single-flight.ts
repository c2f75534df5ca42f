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

/** Runs one piece of work of each name at a time: who asks for it while it runs gets the same result. */
export class Flights<Result> {
  readonly #running = new Map<string, Promise<Result>>()

  run(name: string, work: () => Promise<Result>): Promise<Result> {
    let running = this.#running.get(name)
    if (!running) {
      running = work().finally(() => this.#running.delete(name))
      this.#running.set(name, running)
    }
    return running
  }
}
