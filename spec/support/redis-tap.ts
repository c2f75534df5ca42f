import type { RedisClient } from 'express-session-oidc/redis'

/** One command on its way. */
export interface RedisCall {
  readonly method: keyof RedisClient
  readonly keys: readonly string[]
  /** Counted from 0 since the last `forget()`. */
  readonly index: number
}

/** A client that shows what it is asked and can be told to fail or to wait, in front of a real one. */
export class RedisTap implements RedisClient {
  calls: RedisCall[] = []
  /** Runs before a command is sent; what it throws the command fails with, unsent. */
  before: (call: RedisCall) => unknown = () => {}
  /** Runs once a command was answered; what it throws the command fails with, though it was done. */
  after: (call: RedisCall) => unknown = () => {}
  readonly #client: RedisClient

  constructor(client: RedisClient) {
    this.#client = client
  }

  /** As if it were new. */
  reset(): void {
    this.calls = []
    this.before = () => {}
    this.after = () => {}
  }

  get: RedisClient['get'] = (key) => this.#pass('get', [key], () => this.#client.get(key))
  mGet: RedisClient['mGet'] = (keys) => this.#pass('mGet', keys, () => this.#client.mGet(keys))
  set: RedisClient['set'] = (key, value, options) =>
    this.#pass('set', [key], () => this.#client.set(key, value, options))
  del: RedisClient['del'] = (keys) => this.#pass('del', keys, () => this.#client.del(keys))
  getDel: RedisClient['getDel'] = (key) => this.#pass('getDel', [key], () => this.#client.getDel(key))
  expire: RedisClient['expire'] = (key, seconds) => this.#pass('expire', [key], () => this.#client.expire(key, seconds))
  eval: RedisClient['eval'] = (script, options) =>
    this.#pass('eval', options.keys, () => this.#client.eval(script, options))

  async #pass<Answer>(
    method: RedisCall['method'],
    keys: readonly string[],
    send: () => Promise<Answer>,
  ): Promise<Answer> {
    const call: RedisCall = { method, keys, index: this.calls.length }
    this.calls.push(call)
    await this.before(call)
    const answer = await send()
    await this.after(call)
    return answer
  }
}
