/** What keeps a logout final: without each of these the races find a login, or the data of one, that comes back. */
import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { atRandom, interrupted, scheduled } from './support/arbitraries.ts'
import { inMemory } from './support/places.ts'
import { bounds, patience, seed, stageOfFile } from './support/stage.ts'
import { noComparison, noTombstones, noXX, otherwise, type Otherwise } from './support/without.ts'

// Pauses are steps too.
vi.mock('node:timers/promises', async (original) => {
  const { pause } = await import('./support/actors.ts')
  return { ...(await original<typeof import('node:timers/promises')>()), setTimeout: pause }
})

const runs = 300

const protections: Record<string, Otherwise> = {
  'the tombstone': noTombstones,
  'the comparison of a record with what was read': noComparison,
  'the condition that a session that is written still exists': noXX,
}

describe.each(Object.entries(protections))('without %s', (what, changes) => {
  const stage = stageOfFile(() => {
    const place = inMemory()
    return { ...place, client: otherwise(place.client, changes) }
  })

  it(
    'something that was ended comes back',
    async () => {
      let tried = 0
      let wrong = 0
      const scenes = fc.oneof(atRandom, interrupted)
      const property = fc.asyncProperty(scenes, fc.scheduler(), async (scene, scheduler) => {
        tried++
        if ((await stage().play(scene, scheduled(scheduler))).wrong.length > 0) wrong++
      })
      await fc.assert(property, bounds(runs))
      console.log(`without ${what}: ${tried} interleavings, ${wrong} wrong (seed ${seed})`)
      expect(wrong).toBeGreaterThan(0)
    },
    patience(runs),
  )
})
