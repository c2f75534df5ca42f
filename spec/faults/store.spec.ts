/**
 * The store rows of the fault table: a real Redis that fails just before each step of a login. These tests are slow: they
 * wait for time-outs, and for node-redis to reconnect with its default options.
 */
import { RedisSessionStore } from 'express-session-oidc/redis'
import { createClient } from 'redis'
import { afterEach, describe, it } from 'vitest'
import { faultCell } from '../support/fault-cell.ts'
import { faultRedis, type FaultRedis } from '../support/fault-redis.ts'
import { faultStages } from '../support/fault-stage.ts'
import { steps } from '../support/fault-columns.ts'
import { storeRows } from './rows.ts'

const { world, stage } = faultStages()
const real = await faultRedis('faults of Redis at each step of a login')

describe.skipIf(!real).each(storeRows.map((row) => [row.fault, row] as const))(
  'when %s',
  { meta: { id: 'store-1' } },
  (_fault, given) => {
    const { client: options, line, waits, strike, heal, ...row } = given
    const redis = real as FaultRedis

    let isStruck = false
    const mend = async (): Promise<void> => {
      const wasStruck = isStruck
      isStruck = false
      if (wasStruck) await heal(redis)
    }
    // The next cell needs a working Redis, even if this one failed.
    afterEach(mend)

    /** The session store of a new process, with its own client, configured as users do. */
    async function store(timeoutSeconds?: number): Promise<RedisSessionStore> {
      const client = createClient({ ...options, url: line ? redis.lineUrl : redis.url })
      client.on('error', () => {})
      await client.connect()
      world.later(() => client.destroy())
      return new RedisSessionStore({ client, idleSeconds: 600, timeoutSeconds })
    }

    it.for(steps)('the step "%s" gets the listed answer and succeeds after recovery', async (step, context) => {
      const { browser, newProcess } = stage()
      await newProcess({ store: await store() })
      const setup = {
        ...row,
        step,
        waits,
        browser,
        provider: world.provider,
        start: async () => newProcess({ store: await store(waits) }),
        strike: () => {
          isStruck = true
          return strike(redis)
        },
        heal: mend,
      }
      await faultCell(setup, context)
    })
  },
)
