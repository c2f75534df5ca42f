import type { TestRequest } from './request.ts'

interface Waiter {
  readonly endpoint: TestRequest['endpoint']
  readonly count: number
  readonly resolve: (request: TestRequest) => void
}

/** The latest requests, and the callers that wait for more. */
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

  /** Resolves to the `count`-th request to an endpoint, at once if it has arrived already. */
  waitFor(endpoint: TestRequest['endpoint'], count: number): Promise<TestRequest> {
    const there = this.to(endpoint)[count - 1]
    if (there !== undefined) return Promise.resolve(there)
    return new Promise((resolve) => this.#waiters.push({ endpoint, count, resolve }))
  }
}
