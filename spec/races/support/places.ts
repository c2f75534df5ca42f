import { randomUUID } from 'node:crypto'
import type { RedisClient } from 'express-session-oidc/redis'
import type { RaceClient } from './client.ts'
import { MemoryRedis } from './memory-redis.ts'
import type { newClient } from '../../support/redis.ts'

/** Where the records are, and what begins each run anew there. */
export interface Place {
  readonly client: RedisClient
  /** Keeps what a client has there now under a name. */
  keep(name: string, client: RaceClient): Promise<void>
  /** Gives a client what was kept under a name, or nothing. */
  begin(name: string | undefined, client: RaceClient): Promise<void>
  /** The keys that a client has there. */
  keys(client: Pick<RaceClient, 'prefix'>): Promise<string[]>
  /** What a client has there is of no use any more. */
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

/** Records in a Redis that others use too: each run has keys of its own. */
export function inRedis(client: ReturnType<typeof newClient>): Place {
  const kept = new Map<string, { readonly prefix: string; readonly keys: readonly string[] }>()
  const own = `race ${randomUUID()}`
  let runs = 0
  const keysOf = async (prefix: string): Promise<string[]> => {
    const found: string[] = []
    for await (const keys of client.scanIterator({ MATCH: `${prefix}*`, COUNT: 1000 })) found.push(...keys)
    return found.map((key) => key.slice(prefix.length))
  }
  return {
    client,
    async keep(name, { prefix }) {
      kept.set(name, { prefix, keys: await keysOf(prefix) })
    },
    async begin(name, race) {
      race.prefix = `${own} ${++runs} `
      const { prefix, keys } = kept.get(name ?? '') ?? { prefix: '', keys: [] }
      await Promise.all(keys.map((key) => client.copy(prefix + key, race.prefix + key)))
    },
    keys: ({ prefix }) => keysOf(prefix),
    async end({ prefix }) {
      const keys = await keysOf(prefix)
      if (keys.length > 0) await client.del(keys.map((key) => prefix + key))
    },
  }
}
