import { randomUUID } from 'node:crypto'
import type { OidcRedisClient } from 'express-session-oidc/redis'
import type { RaceClient } from './client.ts'
import { MemoryRedis } from './memory-redis.ts'
import type { newClient } from '../../support/redis.ts'

/** Where the records are, with a fresh start for each run. */
export interface Place {
  readonly client: OidcRedisClient
  /** Saves a client's current contents under a name. */
  keep(name: string, client: RaceClient): Promise<void>
  /** Gives a client the contents saved under a name, or none. */
  begin(name: string | undefined, client: RaceClient): Promise<void>
  /** The keys of a client. */
  keys(client: Pick<RaceClient, 'prefix'>): Promise<string[]>
  /** A client's contents are no longer needed. */
  end(client: RaceClient): Promise<void>
}

/** Records in memory. */
export function inMemory(): Place {
  const redis = new MemoryRedis()
  const kept = new Map<string, ReturnType<MemoryRedis['dump']>>()
  return {
    client: redis,
    async keep(name) {
      kept.set(name, redis.dump())
    },
    async begin(name) {
      redis.restore(kept.get(name ?? '') ?? new Map())
    },
    keys: async () => redis.keys(),
    async end() {},
  }
}

/** Records in a shared Redis: each run has its own keys. */
export function inRedis(client: ReturnType<typeof newClient>): Place {
  const kept = new Map<string, { readonly prefix: string; readonly keys: readonly string[] }>()
  const own = `race ${randomUUID()}`
  let runs = 0
  const listKeys = async (prefix: string): Promise<string[]> => {
    const found: string[] = []
    for await (const keys of client.scanIterator({ MATCH: `${prefix}*`, COUNT: 1000 })) found.push(...keys)
    return found.map((key) => key.slice(prefix.length))
  }
  return {
    client,
    async keep(name, { prefix }) {
      kept.set(name, { prefix, keys: await listKeys(prefix) })
    },
    async begin(name, race) {
      race.prefix = `${own} ${++runs} `
      const { prefix, keys } = kept.get(name ?? '') ?? { prefix: '', keys: [] }
      await Promise.all(keys.map((key) => client.copy(prefix + key, race.prefix + key)))
    },
    keys: ({ prefix }) => listKeys(prefix),
    async end({ prefix }) {
      const keys = await listKeys(prefix)
      if (keys.length > 0) await client.del(keys.map((key) => prefix + key))
    },
  }
}
