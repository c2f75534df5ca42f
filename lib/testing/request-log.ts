import type { TestRequest } from './request.ts'

interface Waiter {
  readonly endpoint: TestRequest['endpoint']
  readonly count: number
  readonly resolve: (request: TestRequest) => void
}

/** The requests that came, the latest of them, and who waits for the next. */
export class RequestLog {
  readonly #keep: number
  #requests: TestRequest[] = []
  #waiters: Waiter[] = []

  constructor(keep: number) {
    this.#keep = keep
  }

  get all(): readonly TestRequest[] {
    return this.#requests
  }

  to(endpoint: TestRequest['endpoint']): readonly TestRequest[] {
    return this.#requests.filter((request) => request.endpoint === endpoint)
  }

  add(request: TestRequest): void {
    this.#requests.push(request)
    if (this.#requests.length > this.#keep) this.#requests.shift()
    if (this.#waiters.length === 0) return
    const seen = this.to(request.endpoint).length
    this.#waiters = this.#waiters.filter((waiter) => {
      const met = waiter.endpoint === request.endpoint && seen >= waiter.count
      if (met) waiter.resolve(request)
      return !met
    })
  }

  forget(): void {
    this.#requests = []
  }

  /** The request that makes the count full; at once where it is there already. */
  waitFor(endpoint: TestRequest['endpoint'], count: number): Promise<TestRequest> {
    const there = this.to(endpoint)[count - 1]
    if (there !== undefined) return Promise.resolve(there)
    return new Promise((resolve) => this.#waiters.push({ endpoint, count, resolve }))
  }
}
