import * as fc from 'fast-check'
import { beforeAll, expect, vi } from 'vitest'
import { byDepth, depth, runs } from '../../support/depth.ts'
import { moveClockBy, watchCrypto } from './actors.ts'
import { scheduled } from './arbitraries.ts'
import { RaceProvider } from './provider.ts'
import type { Scene } from './ops.ts'
import type { Place } from './places.ts'
import { Stage } from './scenes.ts'

/**
 * The seed of this run. It is always the same, except at `DEPTH=deep`, where each run takes another one and prints it.
 * `RACES_SEED` and `RACES_PATH` (fast-check's `seed` and `path`) replay a run.
 */
export const seed = Number(process.env['RACES_SEED'] ?? byDepth({ quick: 4, normal: 4, deep: Date.now() % 2 ** 31 }))

/** fast-check's parameters for a property that runs `normal` times at normal depth. */
export function bounds(normal: number): { numRuns: number; seed: number; path?: string; endOnFailure: boolean } {
  const path = process.env['RACES_PATH']
  return {
    numRuns: runs(normal),
    seed,
    ...(path === undefined ? {} : { path }),
    // Shrinking one of thousands of scenes takes longer than playing them.
    endOnFailure: depth() === 'deep',
  }
}

/**
 * Searches for a scene that goes wrong and stops at the first one; fails if all of them go well. Such a search gets at
 * least as many runs at quick depth as at normal depth.
 */
export async function findWrong(
  what: string,
  stage: Stage,
  scenes: fc.Arbitrary<Scene>,
  normal: number,
  isWrong: (wrong: readonly string[]) => boolean = (wrong) => wrong.length > 0,
): Promise<void> {
  let played = 0
  const property = fc.asyncProperty(scenes, fc.scheduler(), async (scene, scheduler) => {
    played++
    return !isWrong((await stage.play(scene, scheduled(scheduler))).wrong)
  })
  const parameters = bounds(normal)
  const numRuns = Math.max(normal, parameters.numRuns)
  const { failed } = await fc.check(property, { ...parameters, numRuns, endOnFailure: true })
  console.log(`${what}: ${failed ? 'wrong' : 'nothing wrong'} after ${played} interleavings (seed ${seed})`)
  expect(failed, `nothing went wrong in ${played} interleavings (seed ${seed})`).toBe(true)
}

/** A stage for a file, with its own clock. */
export function stageOfFile(place: () => Place): () => Stage {
  let stage: Stage | undefined
  beforeAll(async () => {
    // Intervals too, because they renew locks.
    vi.useFakeTimers({ toFake: ['Date', 'performance', 'setInterval', 'clearInterval'] })
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

/** Plays scenes, each in its own order, and expects nothing wrong with any of them. */
export async function playMany(stage: Stage, what: string, scenes: fc.Arbitrary<Scene>, normal: number): Promise<void> {
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
    await fc.assert(property, bounds(normal))
  } finally {
    console.log(`${what}: ${played} interleavings, ${orders.size} of them different, ${wrongs} wrong (seed ${seed})`)
  }
}

/** The time limit in milliseconds of a test with `normal` runs at normal depth, generous enough for a busy machine. */
export function patience(normal: number): number {
  return 20_000 + Math.max(normal, runs(normal)) * 1000
}
