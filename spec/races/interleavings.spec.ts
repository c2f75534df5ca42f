import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { atRandom, cut, faulty, interrupted, scheduled, unlocked } from './support/arbitraries.ts'
import { inMemory } from './support/places.ts'
import { patience, playMany, stageOfFile } from './support/stage.ts'

// Pauses are steps too.
vi.mock('node:timers/promises', async (original) => {
  const { pause } = await import('./support/actors.ts')
  return { ...(await original<typeof import('node:timers/promises')>()), setTimeout: pause }
})

const stage = stageOfFile(inMemory)

describe('concurrent requests of one session', () => {
  it(
    'requests have the outcome of some sequential order',
    () => playMany(stage(), 'at random', atRandom, 250),
    patience(250),
  )

  it(
    'requests stay linearizable when a login, a logout or a refresh is interrupted at any step',
    () => playMany(stage(), 'interrupted', interrupted, 250),
    patience(250),
  )

  it(
    'a failed command or a lost reply lets nobody in and logs nobody out, and the service recovers',
    () => playMany(stage(), 'with a fault', faulty, 300),
    patience(300),
  )

  it(
    'a connection cut during a refresh loses the login only if the response to the refresh was lost',
    () => playMany(stage(), 'cut', cut, 250),
    patience(250),
  )

  it(
    'a lost refresh lock does not discard the result of a refresh',
    () => playMany(stage(), 'without locks', unlocked, 250),
    patience(250),
  )
})

describe('an order of requests', () => {
  it('an order of requests is reproduced by its seed', async () => {
    const play = async (): Promise<readonly string[]> => {
      const found: string[] = []
      const property = fc.asyncProperty(atRandom, fc.scheduler(), async (scene, scheduler) => {
        found.push(...(await stage().play(scene, scheduled(scheduler))).log)
      })
      await fc.assert(property, { numRuns: 20, seed: 7 })
      return found
    }
    const first = await play()
    expect(first.length).toBeGreaterThan(100)
    expect(await play()).toEqual(first)
  })
})
