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

describe('requests of one session that run at once', () => {
  it(
    'come to what they would come to one after another, in some order',
    () => playMany(stage(), 'at random', atRandom, 250),
    patience(250),
  )

  it(
    'come to that too where a login, a logout or a refresh is interrupted at any step',
    () => playMany(stage(), 'interrupted', interrupted, 250),
    patience(250),
  )

  it(
    'come to that too where a command fails, or its answer is lost, at any step: nobody is let in, nobody down, and all heals',
    () => playMany(stage(), 'with a fault', faulty, 300),
    patience(300),
  )

  it(
    'come to that too where a refresh is cut off from the provider: with its answer the login is lost, and with nothing else',
    () => playMany(stage(), 'cut', cut, 250),
    patience(250),
  )

  it(
    'come to that too where locks of refreshes go: what a refresh got stands all the same',
    () => playMany(stage(), 'without locks', unlocked, 250),
    patience(250),
  )
})

describe('an order of requests', () => {
  it('is the same again for the same seed', async () => {
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
