/** What the version of a login record is for: without it the model of the other races finds what goes wrong. */
import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { endedMeanwhile, scheduled, unlocked } from './support/arbitraries.ts'
import { LockOwnership } from './support/lock-ownership.ts'
import { inMemory } from './support/places.ts'
import { bounds, patience, seed, stageOfFile } from './support/stage.ts'
import type { Scene } from './support/ops.ts'

// Pauses are steps too.
vi.mock('node:timers/promises', async (original) => {
  const { pause } = await import('./support/actors.ts')
  return { ...(await original<typeof import('node:timers/promises')>()), setTimeout: pause }
})

const runs = 200
const stage = stageOfFile(() => {
  const place = inMemory()
  return { ...place, client: new LockOwnership(place.client) }
})

/** Plays scenes, and says how many of them have something of this kind wrong. */
async function countWrong(what: string, scenes: fc.Arbitrary<Scene>, kind: RegExp): Promise<number> {
  let count = 0
  const property = fc.asyncProperty(scenes, fc.scheduler(), async (scene, scheduler) => {
    const { wrong } = await stage().play(scene, scheduled(scheduler))
    if (wrong.some((text) => kind.test(text))) count++
  })
  await fc.assert(property, bounds(runs))
  console.log(`lock ownership in the place of versions, ${what}: ${count} wrong (seed ${seed})`)
  return count
}

describe('a refresh whose result is written by who has the lock, rather than where the record is as it was read', () => {
  it(
    'loses logins, whose lock went while it was under way',
    async () => {
      const kind = /^the login of \w+ \w+ is lost/
      expect(await countWrong('logins that are lost', unlocked, kind)).toBeGreaterThan(0)
    },
    patience(runs),
  )

  it(
    'brings back logins that have ended',
    async () => {
      const kind = /^no order of the requests comes to this/
      expect(await countWrong('logins that come back', endedMeanwhile, kind)).toBeGreaterThan(0)
    },
    patience(runs),
  )
})
