/** The accepted Redis clients. Checked by the compiler (`npm run check:types`), never run. */
import { RedisSessionStore, redisRecords, type OidcRedisClient } from 'express-session-oidc/redis'
import type * as redis from 'redis'
import { createClient, createCluster, createSentinel } from 'redis'

/** A pool, which the first versions of redis 5 do not export. */
declare const pool: typeof redis extends { createClientPool: (...given: never[]) => infer Pool }
  ? Pool
  : OidcRedisClient

const clients = [
  createClient({ url: 'redis://127.0.0.1' }),
  createClient({ RESP: 3 }),
  createClient({ RESP: 2 }),
  pool,
  createCluster({ rootNodes: [{ url: 'redis://127.0.0.1' }] }),
  createSentinel({ name: 'mymaster', sentinelRootNodes: [{ host: '127.0.0.1', port: 26_379 }] }),
]
export const stores = clients.map((client) => [
  redisRecords({ client }),
  new RedisSessionStore({ client, idleSeconds: 600, prefix: 'sess:', timeoutSeconds: 5 }),
])

type StoreOptions = ConstructorParameters<typeof RedisSessionStore>[0]

// @ts-expect-error: a URL is not a client
redisRecords({ client: 'redis://127.0.0.1' })
// @ts-expect-error: the client is missing
export const missing: StoreOptions = {}
// @ts-expect-error: an unknown option
export const unknown: StoreOptions = { client: createClient(), ttl: 600 }
