import { types } from 'node:util'
import { storeUnavailable } from '../core/errors.ts'
import type { OidcRecordKey } from '../core/records.ts'

/**
 * The required methods of a `redis` client, pool, cluster or sentinel (version 5 or later). The type is structural, so
 * that clients with modules, scripts or another RESP version are accepted.
 */
export interface OidcRedisClient {
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

/** The hash tag in a prefix that has braces. It alone determines the Redis Cluster slot of a key. */
export const hashTag: RegExp = /^[^{]*\{[^}]+\}/

export const defaultPrefix = 'sess:'

/**
 * Returns the key of a record; the part `data` is the session itself. The braces put all records of a session into the
 * Redis Cluster slot of the session's own key. The keys of records without a session contain a configured prefix too.
 * Otherwise two applications with the same client would remove each other's logins from the groups, because neither finds
 * the sessions of the other.
 */
export function formatRedisKey(key: OidcRecordKey, sessionPrefix: string): string {
  if (!('session' in key)) {
    return `oidc:${sessionPrefix === defaultPrefix ? '' : sessionPrefix}${key.kind}:${key.id}`
  }
  const dataName = sessionPrefix + key.session
  if (key.part === 'data') return dataName
  const name = hashTag.test(sessionPrefix) ? `oidc:${dataName}` : `oidc:{${dataName}}`
  return key.part === 'login' ? name : `${name}:${key.part}`
}

/**
 * Rejects if a command is not answered in time. A client that is reconnecting may queue commands for longer than a
 * request can wait.
 */
export function runWithTimeout<Answer>(command: () => Promise<Answer>, timeoutSeconds: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(storeUnavailable(new Error(`Redis did not respond within ${timeoutSeconds} s`))),
      timeoutSeconds * 1000,
    )
    try {
      command().then(
        (answer) => {
          clearTimeout(timer)
          resolve(answer)
        },
        (error: unknown) => {
          clearTimeout(timer)
          reject(storeUnavailable(error))
        },
      )
    } catch (error) {
      clearTimeout(timer)
      reject(storeUnavailable(error))
    }
  })
}

/**
 * Returns a function that selects the client for a read with a time limit of its own ({@link runWithTimeout}). For its own
 * time limit, redis 6 creates an AbortSignal for each command, with a timer that stays for five seconds. The function
 * returns a client without that limit, except in three cases:
 *
 * - The application configured the limit.
 * - The client is not connected: only its limit removes commands from its queue.
 * - The client is a proxy, or one of its methods was replaced. Such a replacement must not be bypassed.
 */
export function removeTimeout(client: OidcRedisClient): () => OidcRedisClient {
  const { options, withCommandOptions } = client as {
    options?: { commandOptions?: { timeout?: unknown } }
    withCommandOptions?: unknown
  }
  const isPlain = typeof withCommandOptions === 'function' && !types.isProxy(client)
  if (!isPlain || options?.commandOptions?.timeout !== undefined) return () => client
  const quick = withCommandOptions.call(client, { timeout: undefined }) as OidcRedisClient
  const isReplaced = (): boolean => Object.hasOwn(client, 'get') || Object.hasOwn(client, 'mGet')
  return () => ((client as { isReady?: unknown }).isReady === true && !isReplaced() ? quick : client)
}
