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

describe('concurrent requests of one session, on a real Redis', () => {
  it(
    'requests have the outcome of some sequential order',
    () => playMany(stage(), 'on Redis, at random', atRandom, 60),
    patience(60),
  )

  it(
    'requests stay linearizable when a login, a logout or a refresh is interrupted at any step',
    () => playMany(stage(), 'on Redis, interrupted', interrupted, 60),
    patience(60),
  )

  it(
    'requests stay linearizable when a command fails or its reply is lost at any step',
    () => playMany(stage(), 'on Redis, with a fault', faulty, 60),
    patience(60),
  )

  it(
    'a connection cut during a refresh loses the login only if the response to the refresh was lost',
    () => playMany(stage(), 'on Redis, cut', cut, 60),
    patience(60),
  )

  it(
    'a lost refresh lock does not discard the result of a refresh',
    () => playMany(stage(), 'on Redis, without locks', unlocked, 60),
    patience(60),
  )
})
