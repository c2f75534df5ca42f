/**
 * The protections that keep a logout final. Without any one of them, the races find a login, or its data, that comes back.
 */
import * as fc from 'fast-check'
import { describe, it, vi } from 'vitest'
import { atRandom, interrupted } from './support/arbitraries.ts'
import { inMemory } from './support/places.ts'
import { findWrong, patience, stageOfFile } from './support/stage.ts'
import { noComparison, noTombstones, noXX, otherwise, type Otherwise } from './support/without.ts'

// Pauses are steps too.
vi.mock('node:timers/promises', async (original) => {
  const { pause } = await import('./support/actors.ts')
  return { ...(await original<typeof import('node:timers/promises')>()), setTimeout: pause }
})

const runs = 300

const protections: Record<string, Otherwise> = {
  tombstones: noTombstones,
  'the comparison of a record with the text that was read': noComparison,
  'the condition that only an existing session is written': noXX,
}

describe.each(Object.entries(protections))('without %s', (what, changes) => {
  const stage = stageOfFile(() => {
    const place = inMemory()
    return { ...place, client: otherwise(place.client, changes) }
  })

  it(
    'the races find that an ended login, or its data, comes back',
    () => findWrong(`without ${what}`, stage(), fc.oneof(atRandom, interrupted), runs),
    patience(runs),
  )
})
