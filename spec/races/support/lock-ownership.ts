import type { OidcRedisClient } from 'express-session-oidc/redis'
import { runningActor, type Actor } from './actors.ts'

/** A lock, with the value that identifies its owner. */
interface Held {
  readonly key: string
  readonly owner: string
}

/**
 * A Redis that lets the owner of the refresh lock, and nobody else, write the result of a refresh, whatever the record has
 * become. It acts as if the lock, rather than the version of the record, kept two refreshes apart.
 */
export class LockOwnership implements OidcRedisClient {
  readonly #backend: OidcRedisClient
  readonly #held = new WeakMap<Actor, Held>()

  constructor(backend: OidcRedisClient) {
    this.#backend = backend
  }

  get: OidcRedisClient['get'] = (key) => this.#backend.get(key)
  mGet: OidcRedisClient['mGet'] = (keys) => this.#backend.mGet(keys)
  del: OidcRedisClient['del'] = (keys) => this.#backend.del(keys)
  getDel: OidcRedisClient['getDel'] = (key) => this.#backend.getDel(key)
  expire: OidcRedisClient['expire'] = (key, seconds) => this.#backend.expire(key, seconds)

  set: OidcRedisClient['set'] = async (key, value, options) => {
    const answer = await this.#backend.set(key, value, options)
    const actor = runningActor()
    if (actor && answer !== null && key.includes('oidc:refresh:')) this.#held.set(actor, { key, owner: value })
    return answer
  }

  eval: OidcRedisClient['eval'] = async (script, { keys, arguments: given }) => {
    const actor = runningActor()
    const held = actor && this.#held.get(actor)
    const [login = '', tokens = ''] = keys
    const isRefreshed = held !== undefined && tokens.includes(':tokens:') && given.length > 3
    if (!isRefreshed) return await this.#backend.eval(script, { keys, arguments: given })
    if ((await this.#backend.get(held.key)) !== held.owner) return 0
    const [, text = '', seconds = '', sealed = '', tokensSeconds = ''] = given
    await this.#backend.set(login, text, { expiration: { type: 'EX', value: Number(seconds) } })
    await this.#backend.set(tokens, sealed, { expiration: { type: 'EX', value: Number(tokensSeconds) } })
    return 1
  }
}
