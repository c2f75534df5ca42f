import * as connectRedis from 'connect-redis'
import { Store } from 'express-session'

type RedisStoreClass = typeof connectRedis.RedisStore

/**
 * Returns the class `RedisStore` of connect-redis 9 or later, otherwise undefined. Version 7 and older have it as the
 * default export. Version 8 wraps the client in an adapter for redis 4.
 */
export function findRedisStore(exported: object): RedisStoreClass | undefined {
  const { RedisStore } = exported as { RedisStore?: RedisStoreClass }
  return typeof RedisStore === 'function' && !('normalizeClient' in RedisStore.prototype) ? RedisStore : undefined
}

const supported = findRedisStore(connectRedis)

/**
 * The base class of `RedisSessionStore`. If connect-redis is too old, it is `Store` of express-session, because the module
 * must still load for `redisRecords`. The constructor then throws in `requireConnectRedis`.
 */
export const RedisStore: RedisStoreClass = supported ?? (Store as unknown as RedisStoreClass)

/** @throws TypeError if the installed connect-redis is older than version 9. */
export function requireConnectRedis(what: string): void {
  if (supported) return
  throw new TypeError(
    `${what} does not support the installed connect-redis, which is older than version 9; install connect-redis 9 or later, ` +
      'or keep your own session store and pass `records: redisRecords({ client })` to createOidc()',
  )
}
