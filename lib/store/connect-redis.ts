import * as connectRedis from 'connect-redis'
import { Store } from 'express-session'

type RedisStoreClass = typeof connectRedis.RedisStore

/**
 * The class `RedisStore` of connect-redis, where it is that of version 9 or later: version 7 and older have it as their
 * default export, and version 8 puts an adapter for the replies of redis 4 in front of the client.
 */
export function findRedisStore(exported: object): RedisStoreClass | undefined {
  const { RedisStore } = exported as { RedisStore?: RedisStoreClass }
  return typeof RedisStore === 'function' && !('normalizeClient' in RedisStore.prototype) ? RedisStore : undefined
}

const found = findRedisStore(connectRedis)

/**
 * The class that the session store extends. Where connect-redis is too old, it is that of express-session, so that the
 * module loads for `redisRecords`; `requireConnectRedis` then throws in the constructor.
 */
export const RedisStore: RedisStoreClass = found ?? (Store as unknown as RedisStoreClass)

/** @throws TypeError where the installed connect-redis is older than version 9. */
export function requireConnectRedis(what: string): void {
  if (found) return
  throw new TypeError(
    `${what} cannot use the installed connect-redis, which is older than version 9; install connect-redis 9 or later, ` +
      'or keep your own session store and pass `records: redisRecords({ client })` to createOidc()',
  )
}
