import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { OidcRedisClient } from 'express-session-oidc/redis'
import { failingClient } from '../support/failing-client.ts'
import { Gate } from '../support/gate.ts'
import { moveClockBy } from './support/actors.ts'
import { RaceBrowser, raceApp } from './support/app.ts'
import { RaceClient } from './support/client.ts'
import { letGo, type Believed, type Step, type World } from './support/journey.ts'
import { steps, timely } from './support/journey-steps.ts'
import { MemoryRedis } from './support/memory-redis.ts'
import { Model } from './support/model.ts'
import { inRedis } from './support/places.ts'
import { RaceProvider } from './support/provider.ts'
import { bounds, patience, seed } from './support/stage.ts'
import { allAnswered, refreshSteps, tokenSteps } from './support/token-steps.ts'
import { redisForFile } from '../support/redis.ts'

// Where one request waits for another, the clock advances instead.
vi.mock('node:timers/promises', async (original) => {
  const { pause } = await import('./support/actors.ts')
  return { ...(await original<typeof import('node:timers/promises')>()), setTimeout: pause }
})

const redis = redisForFile()
const gates = new Map<string, Gate>()
let provider: RaceProvider
let apps: World['apps']

beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] })
  moveClockBy((ms) => void vi.advanceTimersByTime(ms))
  provider = await RaceProvider.create('http://127.0.0.1:4000')
  const waits = (name: string): Promise<void> => gate(name).pass()
  apps = [raceApp(provider, waits), raceApp(provider, waits)]
})
afterAll(() => void vi.useRealTimers())

function gate(name: string): Gate {
  const found = gates.get(name) ?? new Gate()
  gates.set(name, found)
  return found
}

/** An empty world on the given Redis. */
async function begin(client: OidcRedisClient, records: World['records']): Promise<{ model: Believed; real: World }> {
  const failing = failingClient(client)
  gates.clear()
  provider.restart()
  for (const app of apps) {
    app.restart(failing.client)
    await app.ready()
  }
  return {
    model: {
      model: new Model(() => Date.now() / 1000),
      begun: [[], []],
      writes: 0,
      slow: [],
      tokens: new Map(),
      asking: [],
    },
    real: {
      apps,
      provider,
      redis: failing,
      browsers: [new RaceBrowser(), new RaceBrowser(), new RaceBrowser()],
      gate,
      cookies: new Map(),
      passTime: (seconds) => void vi.advanceTimersByTime(seconds * 1000),
      records,
    },
  }
}

/** Runs random sequences of at most `maxCommands` steps, `runs` times. Returns how many steps were generated. */
async function tried(possible: readonly fc.Arbitrary<Step>[], maxCommands: number, runs: number): Promise<number> {
  let taken = 0
  const property = fc.asyncProperty(fc.commands([...possible], { maxCommands, size: 'max' }), async (commands) => {
    const memory = new MemoryRedis()
    const records = async (): Promise<string[]> => {
      const keys = memory.keys().filter((key) => /^oidc:\{sess:[^}]+\}$/.test(key))
      return (await memory.mGet(keys)).map(String)
    }
    const setup = await begin(memory, records)
    await fc.asyncModelRun(() => setup, commands)
    await allAnswered(setup.model)
    await letGo(setup.model, setup.real)
    taken += [...commands].length
  })
  await fc.assert(property, bounds(runs))
  return taken
}

describe('steps that browsers, thieves and the application take in sequence', () => {
  it(
    'the state after every step is the one that the model predicts',
    async () => {
      console.log(`the model: ${await tried([...timely, ...tokenSteps], 30, 60)} steps (seed ${seed})`)
    },
    patience(60),
  )

  it(
    'the state is as predicted with refreshes between and during steps; only a lost response loses a login',
    async () => {
      const before = provider.refreshTokens.presented
      const taken = await tried(refreshSteps, 40, 60)
      const refreshes = provider.refreshTokens.presented - before
      console.log(`the model with expiring tokens: ${taken} steps, ${refreshes} refreshes (seed ${seed})`)
      expect(refreshes).toBeGreaterThan(0)
    },
    patience(60),
  )

  it(
    'the state is as predicted on a real Redis too',
    async () => {
      const place = inRedis(redis.client)
      let taken = 0
      const property = fc.asyncProperty(
        fc.commands([...steps, ...tokenSteps], { maxCommands: 30, size: 'max' }),
        async (commands) => {
          const client = new RaceClient(place.client)
          await place.begin(undefined, client)
          const records = async (): Promise<string[]> => {
            const keys = (await place.keys(client)).filter((key) => /^oidc:\{sess:[^}]+\}$/.test(key))
            return Promise.all(keys.map(async (key) => String(await client.get(key))))
          }
          const setup = await begin(client, records)
          await fc.asyncModelRun(() => setup, commands)
          await letGo(setup.model, setup.real)
          await place.end(client)
          taken += [...commands].length
        },
      )
      await fc.assert(property, bounds(15))
      console.log(`the model on Redis: ${taken} steps (seed ${seed})`)
    },
    patience(15),
  )
})
