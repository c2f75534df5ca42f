/** Why a login record has a version: without it, the model of the other races finds faults. */
import { describe, it, vi } from 'vitest'
import { endedMeanwhile, unlocked } from './support/arbitraries.ts'
import { LockOwnership } from './support/lock-ownership.ts'
import { inMemory } from './support/places.ts'
import { findWrong, patience, stageOfFile } from './support/stage.ts'

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

describe('a refresh whose result is written by the lock owner instead of by compare-and-set', () => {
  it(
    'without compare-and-set, a refresh loses a login whose lock disappears meanwhile',
    () => {
      const isLost = (text: string): boolean => /^the login of \w+ \w+ is lost/.test(text)
      return findWrong('lock ownership instead of versions, logins lost', stage(), unlocked, runs, (wrong) =>
        wrong.some(isLost),
      )
    },
    patience(runs),
  )

  it(
    'without compare-and-set, a refresh brings back a login that has ended',
    () => {
      const isBack = (text: string): boolean => text.startsWith('no order of the requests comes to this')
      return findWrong('lock ownership instead of versions, logins back', stage(), endedMeanwhile, runs, (wrong) =>
        wrong.some(isBack),
      )
    },
    patience(runs),
  )
})
