import type { OidcRedisClient } from 'express-session-oidc/redis'

/** One command of a client. */
export interface RedisCall {
  readonly method: keyof OidcRedisClient
  readonly keys: readonly string[]
  /** Counted from 0 since the last `reset()`. */
  readonly index: number
}

/** A client in front of a real one, which records commands and can make them fail or wait. */
export class RedisTap implements OidcRedisClient {
  calls: RedisCall[] = []
  /** Runs before a command is sent. If it throws, the command fails with that error and is not sent. */
  before: (call: RedisCall) => unknown = () => {}
  /** Runs after a command was answered. If it throws, the command fails with that error although it was executed. */
  after: (call: RedisCall) => unknown = () => {}
  readonly #client: OidcRedisClient

  constructor(client: OidcRedisClient) {
    this.#client = client
  }

  /** Clears the recorded commands and removes both hooks. */
  reset(): void {
    this.calls = []
    this.before = () => {}
    this.after = () => {}
  }

  get: OidcRedisClient['get'] = (key) => this.#pass('get', [key], () => this.#client.get(key))
  mGet: OidcRedisClient['mGet'] = (keys) => this.#pass('mGet', keys, () => this.#client.mGet(keys))
  set: OidcRedisClient['set'] = (key, value, options) =>
    this.#pass('set', [key], () => this.#client.set(key, value, options))
  del: OidcRedisClient['del'] = (keys) => this.#pass('del', keys, () => this.#client.del(keys))
  getDel: OidcRedisClient['getDel'] = (key) => this.#pass('getDel', [key], () => this.#client.getDel(key))
  expire: OidcRedisClient['expire'] = (key, seconds) =>
    this.#pass('expire', [key], () => this.#client.expire(key, seconds))
  eval: OidcRedisClient['eval'] = (script, options) =>
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
