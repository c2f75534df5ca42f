/**
 * A Redis client is recognized by its shape, and RedisSessionStore is a store of express-session. Checked by the compiler
 * (`npm run check:types`), never run.
 */
import session, { type Store } from 'express-session'
import type { OidcOptions, OidcRecords } from 'express-session-oidc'
import { RedisSessionStore, redisRecords, type OidcRedisClient } from 'express-session-oidc/redis'
import { createClient } from 'redis'
import { holds, type Equal } from './helpers.ts'

// Clients with unusual settings are accepted.
const client = createClient({ disableOfflineQueue: true, RESP: 3, commandOptions: { typeMapping: {} } })
export const clients: OidcRedisClient[] = [
  client,
  // RESP_TYPES.BLOB_STRING, which the first versions of redis 5 do not export.
  client.withTypeMapping({ 36: Buffer }),
  createClient({ scripts: {}, functions: {}, modules: {} }),
]

// So is any object with the methods of a client.
const own = {
  get: async () => null,
  mGet: async () => [],
  set: async () => 'OK',
  del: async () => 1,
  getDel: async () => null,
  expire: async () => 1,
  eval: async () => null,
}
redisRecords({ client: own })

const { getDel: _getDel, ...noGetDel } = own
const { eval: _eval, ...noEval } = own
// @ts-expect-error: a client without GETDEL
redisRecords({ client: noGetDel })
// @ts-expect-error: a client without scripts
redisRecords({ client: noEval })
// @ts-expect-error: method names of another library, in lower case
redisRecords({ client: { ...own, mGet: undefined, mget: async () => [] } })
// @ts-expect-error: methods must return promises
redisRecords({ client: { ...own, get: () => null } })
// @ts-expect-error: a function is not a client
redisRecords({ client: () => client })

const store = new RedisSessionStore({ client, idleSeconds: 600, prefix: undefined, timeoutSeconds: 2 })
export const asStore: Store = store
session({ store, secret: 'a secret of the session' })
holds<Equal<ReturnType<typeof redisRecords>, OidcRecords>>()
export const options: Partial<OidcOptions> = { records: redisRecords({ client, prefix: 'sess:' }) }

// @ts-expect-error: seconds are a number
void new RedisSessionStore({ client, idleSeconds: '600' }).get('a')
// @ts-expect-error: a prefix is a string
void new RedisSessionStore({ client, prefix: 1 }).get('a')
// @ts-expect-error: seconds are a number
redisRecords({ client, timeoutSeconds: null })
// @ts-expect-error: the idle time is an option of the session store
redisRecords({ client, idleSeconds: 600 })
// @ts-expect-error: a session store is not records
export const wrong: Partial<OidcOptions> = { records: store }
