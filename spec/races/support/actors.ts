/**
 * Runs several requests at once and advances one of them at a time. Each Redis command, each request to the provider and
 * each pause is a step. A step waits for its turn twice: before it is executed and before it is answered.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

/** One of the concurrent requests. */
export interface Actor {
  readonly index: number
  /** Number of steps so far. */
  steps: number
  /** Number of commands so far. */
  commands: number
  /** Number of its steps that wait for their turn. */
  ready: number
  /** Number of its steps that are held. May exceed 0 after the response: background work goes through steps too. */
  kept: number
  /** Whether it pauses repeatedly until another actor has done something. */
  isPausing: boolean
  isDone: boolean
}

/** Decides which step is next. */
export interface Turns {
  /** Resolves when it is this step's turn. */
  take(step: Step): Promise<void>
  /** Number of waiting steps. */
  waiting(): number
  /** Gives one of them its turn. */
  next(): Promise<void>
}

export interface Step {
  readonly actor: number
  /** Counted from 0 for each actor. */
  readonly index: number
  readonly label: string
}

/**
 * Holds an actor at one step until all others are done or held. The step is given by its number, or is the first whose
 * label matches. Of several held actors, the first in the list continues first.
 */
export interface Stall {
  readonly actor: number
  readonly at: number | RegExp
}

/** A step that has not been passed to `Turns` yet. */
interface Arrival extends Step {
  /** Lets the step wait for its turn. */
  readonly release: (turn: Promise<void>) => void
}

interface Scene {
  readonly turns: Turns
  readonly stalls: readonly Stall[]
  /** Held actors, by the index of their stall in the list. */
  readonly kept: Map<number, () => void>
  /** Stalls that have already held an actor. */
  readonly spent: Set<number>
  readonly actors: readonly Actor[]
  /** Steps that have arrived since the last step was taken. */
  arrived: Arrival[]
  /** What was done, in order. */
  readonly log: string[]
  /** When set, nothing waits for a turn any more. */
  isOver: boolean
  /** Short names of ids. */
  readonly names: Map<string, string>
}

const current = new AsyncLocalStorage<{ readonly actor: Actor; readonly scene: Scene }>()

/** Number of pending operations in other threads and processes. */
let outside = 0

/** The actor whose code is running, if any. */
export function runningActor(): Actor | undefined {
  const store = current.getStore()
  return store?.scene.isOver === false ? store.actor : undefined
}

/** Whether it has started something that is not finished, before or after its response. */
export function isAtWork({ ready, kept }: Actor): boolean {
  return ready + kept > 0
}

/** The actors of the current scene that are at work. */
export function atWork(): Actor[] {
  return current.getStore()?.scene.actors.filter(isAtWork) ?? []
}

/** Waits for its turn if an actor is running. */
export async function turn(label: string): Promise<void> {
  const store = current.getStore()
  if (!store || store.scene.isOver) return
  const { actor, scene } = store
  const step: Step = { actor: actor.index, index: actor.steps++, label }
  const stall = stallAt(scene, step, label)
  if (stall >= 0) {
    scene.spent.add(stall)
    actor.kept++
    await new Promise<void>((release) => scene.kept.set(stall, release))
    actor.kept--
  }
  actor.ready++
  await new Promise<void>((release) => scene.arrived.push({ ...step, release }))
  actor.ready--
}

/**
 * Lets the steps that have arrived wait for their turns, sorted by actor. Their order of arrival depends on when other
 * threads finish signatures, which differs between runs.
 */
function lineUp(scene: Scene): void {
  const arrived = scene.arrived.toSorted((one, other) => one.actor - other.actor || one.index - other.index)
  scene.arrived = []
  for (const { release, ...step } of arrived) {
    release(scene.turns.take({ ...step, label: `${step.actor}: ${named(scene, step.label)}` }))
  }
}

function stallAt({ stalls, spent }: Scene, { actor, index }: Step, label: string): number {
  return stalls.findIndex(
    (stall, place) =>
      stall.actor === actor &&
      !spent.has(place) &&
      (typeof stall.at === 'number' ? stall.at === index : stall.at.test(label)),
  )
}

/** Logs what an actor has done. */
export function done(label: string): void {
  const store = current.getStore()
  store?.scene.log.push(`${store.actor.index}: ${named(store.scene, label)}`)
}

/** A label with short names in place of ids, the same in every run. */
function named({ names }: Scene, label: string): string {
  return label.replaceAll(/[\w-]{43}|[\w-]{32}|[\w-]{22}/g, (id) => {
    if (!names.has(id)) names.set(id, `#${names.size + 1}`)
    return names.get(id) as string
  })
}

/** The clock that pauses advance. */
let passTime: (ms: number) => void = () => {}

export function moveClockBy(pass: (ms: number) => void): void {
  passTime = pass
}

/** A pause as a step: it takes no real time and only advances the clock. */
export async function pause(ms: number): Promise<void> {
  const store = current.getStore()
  if (!store) {
    passTime(ms)
    await new Promise((resolve) => setImmediate(resolve))
    return
  }
  store.actor.isPausing = true
  await turn('pause')
  // When nobody is left to wait for, time passes fast.
  const isIdle = store.scene.actors.every((actor) => actor.isPausing || (actor.isDone && !isAtWork(actor)))
  // Timer callbacks run outside any actor, and immediately.
  current.exit(() => passTime(isIdle ? 5000 : ms))
}

/** Runs work that leaves this thread; the next step is chosen once it is back. */
export async function elsewhere<Result>(work: () => Promise<Result>): Promise<Result> {
  outside++
  try {
    return await work()
  } finally {
    outside--
  }
}

/** Counts pending signatures, digests and key operations, which run in other threads. The result stops the counting. */
export function watchCrypto(): () => void {
  const prototype = Object.getPrototypeOf(crypto.subtle) as Record<string, (...given: unknown[]) => Promise<unknown>>
  const names = ['sign', 'verify', 'digest', 'importKey', 'exportKey'] as const
  const originals = names.map((name) => prototype[name] as (typeof prototype)[string])
  for (const [index, name] of names.entries()) {
    const original = originals[index] as (typeof prototype)[string]
    prototype[name] = function watched(this: unknown, ...given) {
      return elsewhere(() => original.apply(this, given))
    }
  }
  return () => {
    for (const [index, name] of names.entries()) prototype[name] = originals[index] as (typeof prototype)[string]
  }
}

/** Waits until nothing runs: every actor is done or waits for its turn. */
async function quiet(scene: Scene): Promise<void> {
  for (let turns = 0, before = ''; turns < 3;) {
    // Not from node:timers/promises, which the specs replace so that pauses are steps.
    await new Promise((resolve) => setImmediate(resolve))
    const now = `${outside} ${scene.arrived.length} ${scene.turns.waiting()} ${scene.kept.size} ${scene.log.length}`
    turns = outside === 0 && now === before ? turns + 1 : 0
    before = now
  }
}

/** More steps than any scene takes. */
const mostSteps = 4000

/** Runs all actors, one step at a time, until all are done. Returns what they did, in order. */
export async function play(
  work: readonly (() => Promise<void>)[],
  turns: Turns,
  stalls: readonly Stall[] = [],
): Promise<readonly string[]> {
  const actors = work.map((_, index): Actor => ({
    index,
    steps: 0,
    commands: 0,
    ready: 0,
    kept: 0,
    isPausing: false,
    isDone: false,
  }))
  const names = new Map<string, string>()
  const scene: Scene = {
    turns,
    stalls,
    kept: new Map(),
    spent: new Set(),
    actors,
    arrived: [],
    log: [],
    isOver: false,
    names,
  }
  const failures: unknown[] = []
  const running = work.map((run, index) => {
    const actor = actors[index] as Actor
    return current
      .run({ actor, scene }, run)
      .catch((error: unknown) => failures.push(error))
      .finally(() => (actor.isDone = true))
  })
  for (let steps = 0; ; steps++) {
    await quiet(scene)
    lineUp(scene)
    if (scene.kept.size > 0 && !actors.some(({ ready, isPausing }) => ready > 0 && !isPausing)) {
      const first = Math.min(...scene.kept.keys())
      scene.kept.get(first)?.()
      scene.kept.delete(first)
      continue
    }
    if (turns.waiting() === 0) break
    if (steps > mostSteps)
      throw new Error(`not finished after ${mostSteps} steps; the last are:\n${scene.log.slice(-30).join('\n')}`)
    await turns.next()
  }
  scene.isOver = true
  if (actors.some(({ isDone }) => !isDone)) {
    throw new Error(`no actor can continue, but some are not finished:\n${scene.log.join('\n')}`)
  }
  await Promise.all(running)
  if (failures.length > 0) throw new AggregateError(failures, 'an actor failed')
  return scene.log
}
