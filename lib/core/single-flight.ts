/** Runs work once at a time. A call while it runs shares its result. */
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

/** Runs work once at a time for each name. A call with the same name while it runs shares its result. */
export class SingleFlightMap<Result> {
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
