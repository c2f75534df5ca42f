import { types } from 'node:util'
import { storeUnavailable } from '../core/errors.ts'
import type { RecordKey } from '../core/records.ts'

/**
 * What is used of a node-redis client, pool, cluster or sentinel (`redis` 5 or later). Typed by its shape, so that
 * clients with modules, scripts or another RESP version of their own fit.
 */
export interface RedisClient {
  get(key: string): Promise<unknown>
  mGet(keys: string[]): Promise<unknown[]>
  set(
    key: string,
    value: string,
    options?: { condition?: 'NX' | 'XX'; expiration?: { type: 'EX'; value: number } },
  ): Promise<unknown>
  del(keys: string[]): Promise<unknown>
  getDel(key: string): Promise<unknown>
  expire(key: string, seconds: number): Promise<unknown>
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
}

/** What of a key decides its slot in a Redis Cluster, where the key has braces of its own. */
export const hashTag: RegExp = /^[^{]*\{[^}]+\}/

export const defaultPrefix = 'sess:'

/**
 * Key of a record; that of the part `data` is the session's own. The braces put all records of a session into the Redis Cluster slot of the session's own key. What is of
 * no session has a prefix of one's own too: else applications with the same client would take each other's logins, whose
 * sessions they cannot find, out of the index.
 */
export function redisKey(key: RecordKey, sessionPrefix: string): string {
  if (!('session' in key)) {
    return `oidc:${sessionPrefix === defaultPrefix ? '' : sessionPrefix}${key.kind}:${key.id}`
  }
  const own = sessionPrefix + key.session
  if (key.part === 'data') return own
  const name = hashTag.test(sessionPrefix) ? `oidc:${own}` : `oidc:{${own}}`
  return key.part === 'login' ? name : `${name}:${key.part}`
}

/**
 * The answer of a command within its time, else a fault. A client whose server is gone may queue a command for as long
 * as it takes to reconnect, and a request must not wait for that.
 */
export function answered<Answer>(command: () => Promise<Answer>, timeoutSeconds: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(storeUnavailable(new Error(`Redis gave no answer within ${timeoutSeconds} s`))),
      timeoutSeconds * 1000,
    )
    const settle = (): void => clearTimeout(timer)
    try {
      command().then(
        (answer) => {
          settle()
          resolve(answer)
        },
        (error: unknown) => {
          settle()
          reject(storeUnavailable(error))
        },
      )
    } catch (error) {
      settle()
      reject(storeUnavailable(error))
    }
  })
}

/**
 * The client for a read that has a time limit of its own ({@link answered}), without the client's: for that redis 6 makes
 * an AbortSignal for each command, with a timer that stays for five seconds. It is the client as it is where its user
 * chose the limit, where it is not connected, since only that limit takes what waits for a connection out of its queue,
 * and where something stands in front of it or of its method, which would be passed by.
 */
export function withoutTimeout(client: RedisClient): () => RedisClient {
  const { options, withCommandOptions } = client as {
    options?: { commandOptions?: { timeout?: unknown } }
    withCommandOptions?: unknown
  }
  const isPlain = typeof withCommandOptions === 'function' && !types.isProxy(client)
  if (!isPlain || options?.commandOptions?.timeout !== undefined) return () => client
  const quick = withCommandOptions.call(client, { timeout: undefined }) as RedisClient
  const isOwn = (): boolean => Object.hasOwn(client, 'get') || Object.hasOwn(client, 'mGet')
  return () => ((client as { isReady?: unknown }).isReady === true && !isOwn() ? quick : client)
}
