/** A gate at which work waits until a test opens it. */
export class Gate {
  /** Resolves once some work waits at the gate. */
  readonly arrived: Promise<void>
  readonly #opened: Promise<void>
  #arrive: () => void = () => {}
  #open: () => void = () => {}

  constructor() {
    this.arrived = new Promise((resolve) => (this.#arrive = resolve))
    this.#opened = new Promise((resolve) => (this.#open = resolve))
  }

  /** Waits here until the gate is opened. */
  async pass(): Promise<void> {
    this.#arrive()
    await this.#opened
  }

  open(): void {
    this.#open()
  }
}
