/** A client is told by its shape, and the store is one of express-session: held by the compiler (`npm run check:types`), never run. */
import session, { type Store } from 'express-session'
import type { OidcOptions, Records } from 'express-session-oidc'
import { RedisSessionStore, redisRecords, type RedisClient } from 'express-session-oidc/redis'
import { createClient } from 'redis'
import { holds, type Equal } from './helpers.ts'

// Clients that are set up in ways of their own fit.
const client = createClient({ disableOfflineQueue: true, RESP: 3, commandOptions: { typeMapping: {} } })
export const clients: RedisClient[] = [
  client,
  // RESP_TYPES.BLOB_STRING, which the first versions of redis 5 do not export.
  client.withTypeMapping({ 36: Buffer }),
  createClient({ scripts: {}, functions: {}, modules: {} }),
]

// So does whatever has its methods.
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
// @ts-expect-error: a client older than GETDEL
redisRecords({ client: noGetDel })
// @ts-expect-error: a client without scripts
redisRecords({ client: noEval })
// @ts-expect-error: methods of another library, whose names are in lower case
redisRecords({ client: { ...own, mGet: undefined, mget: async () => [] } })
// @ts-expect-error: answers are waited for
redisRecords({ client: { ...own, get: () => null } })
// @ts-expect-error: not connected is not a client yet
redisRecords({ client: () => client })

const store = new RedisSessionStore({ client, idleSeconds: 600, prefix: undefined, timeoutSeconds: 2 })
export const asStore: Store = store
session({ store, secret: 'a secret of the session' })
holds<Equal<ReturnType<typeof redisRecords>, Records>>()
export const options: Partial<OidcOptions> = { records: redisRecords({ client, prefix: 'sess:' }) }

// @ts-expect-error: seconds are a number
void new RedisSessionStore({ client, idleSeconds: '600' }).get('a')
// @ts-expect-error: a prefix is a text
void new RedisSessionStore({ client, prefix: 1 }).get('a')
// @ts-expect-error: seconds are a number
redisRecords({ client, timeoutSeconds: null })
// @ts-expect-error: how long a session lasts is for the store of sessions
redisRecords({ client, idleSeconds: 600 })
// @ts-expect-error: a store of sessions keeps no records of logins
export const wrong: Partial<OidcOptions> = { records: store }
