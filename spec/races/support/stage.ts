import * as fc from 'fast-check'
import { beforeAll, expect, vi } from 'vitest'
import { moveClockBy, watchCrypto } from './actors.ts'
import { scheduled } from './arbitraries.ts'
import { RaceProvider } from './provider.ts'
import type { Scene } from './ops.ts'
import type { Place } from './places.ts'
import { Stage } from './scenes.ts'

/**
 * How often each spec of races tries another interleaving; by itself a few hundred times, with the same seed. A long run,
 * `RACES=5000 npx vitest run spec/races`, takes another seed each time, which it prints: `RACES_SEED` and `RACES_PATH`
 * (fast-check's `seed` and `path`) play one again.
 */
const given = process.env['RACES']
export const seed = Number(process.env['RACES_SEED'] ?? (given === undefined ? 4 : Date.now() % 2 ** 31))

/** What fast-check is told: so many runs, or as many as were asked for, of which the first that fails is told as it is. */
export function bounds(runs: number): { numRuns: number; seed: number; path?: string; endOnFailure: boolean } {
  const path = process.env['RACES_PATH']
  return {
    numRuns: Number(given ?? runs),
    seed,
    ...(path === undefined ? {} : { path }),
    endOnFailure: given !== undefined,
  }
}

/** A stage for a file, whose clock is its own. */
export function stageOfFile(place: () => Place): () => Stage {
  let stage: Stage | undefined
  beforeAll(async () => {
    // Intervals too: they are what renews a lock.
    vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] })
    moveClockBy((ms) => void vi.advanceTimersByTime(ms))
    const unwatch = watchCrypto()
    const clock = { now: () => Date.now(), set: (ms: number) => void vi.setSystemTime(ms) }
    stage = new Stage(place(), await RaceProvider.create('http://127.0.0.1:4000'), clock)
    await stage.prepare()
    return () => {
      unwatch()
      vi.useRealTimers()
    }
  })
  return () => stage as Stage
}

/** Plays so many scenes, each in an order of its own, and wants nothing wrong with any. */
export async function playMany(stage: Stage, what: string, scenes: fc.Arbitrary<Scene>, runs: number): Promise<void> {
  const orders = new Set<string>()
  let played = 0
  let wrongs = 0
  const property = fc.asyncProperty(scenes, fc.scheduler(), async (scene, scheduler) => {
    const { log, wrong } = await stage.play(scene, scheduled(scheduler))
    played++
    orders.add(log.join('\n'))
    if (wrong.length > 0) wrongs++
    expect(wrong, `in this order:\n${log.join('\n')}\n`).toEqual([])
  })
  try {
    await fc.assert(property, bounds(runs))
  } finally {
    console.log(`${what}: ${played} interleavings, ${orders.size} of them different, ${wrongs} wrong (seed ${seed})`)
  }
}

/** Milliseconds that a spec of so many runs may take, where the machine is busy. */
export function patience(runs: number): number {
  return 20_000 + bounds(runs).numRuns * 1000
}
