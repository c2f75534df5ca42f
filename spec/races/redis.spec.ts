import { describe, it, vi } from 'vitest'
import { atRandom, cut, faulty, interrupted, unlocked } from './support/arbitraries.ts'
import { inRedis } from './support/places.ts'
import { patience, playMany, stageOfFile } from './support/stage.ts'
import { redisForFile } from '../support/redis.ts'

// Pauses are steps too.
vi.mock('node:timers/promises', async (original) => {
  const { pause } = await import('./support/actors.ts')
  return { ...(await original<typeof import('node:timers/promises')>()), setTimeout: pause }
})

const redis = redisForFile()
const stage = stageOfFile(() => inRedis(redis.client))

describe('requests of one session that run at once, on a real Redis', () => {
  it(
    'come to what they would come to one after another, in some order',
    () => playMany(stage(), 'on Redis, at random', atRandom, 60),
    patience(60),
  )

  it(
    'come to that too where a login, a logout or a refresh is interrupted at any step',
    () => playMany(stage(), 'on Redis, interrupted', interrupted, 60),
    patience(60),
  )

  it(
    'come to that too where a command fails, or its answer is lost, at any step',
    () => playMany(stage(), 'on Redis, with a fault', faulty, 60),
    patience(60),
  )

  it(
    'come to that too where a refresh is cut off from the provider: with its answer the login is lost, and with nothing else',
    () => playMany(stage(), 'on Redis, cut', cut, 60),
    patience(60),
  )

  it(
    'come to that too where locks of refreshes go: what a refresh got stands all the same',
    () => playMany(stage(), 'on Redis, without locks', unlocked, 60),
    patience(60),
  )
})
