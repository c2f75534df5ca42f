import * as fc from 'fast-check'
import type { Stall, Turns } from './actors.ts'
import type { CommandFault } from './client.ts'
import { formers, users, type Former, type Op, type Scene } from './ops.ts'

const name = fc.constantFrom('default', 'partner')
const copy = fc.constantFrom(0, 1)

function response(kind: 'login' | 'stranger'): fc.Arbitrary<Op> {
  return fc.tuple(fc.constantFrom(...users), copy).map(([[name, sub], copy]): Op => ({ kind, name, sub, copy }))
}

function named(kind: 'logout' | 'guarded' | 'token'): fc.Arbitrary<Op> {
  return name.map((name): Op => ({ kind, name }))
}

const backchannel = fc
  .record({
    user: fc.constantFrom(...users),
    session: fc.constantFrom(undefined, 0, 1),
    isLate: fc.oneof({ weight: 2, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  })
  .map(({ user: [name, sub], ...what }): Op => ({ kind: 'backchannel', name, sub, ...what }))

const plain = fc.constantFrom('put', 'save', 'regenerate', 'destroy', 'who').map((kind): Op => ({ kind }))

const any = fc.oneof(
  { weight: 6, arbitrary: response('login') },
  { weight: 1, arbitrary: response('stranger') },
  { weight: 4, arbitrary: named('logout') },
  { weight: 4, arbitrary: backchannel },
  { weight: 2, arbitrary: named('guarded') },
  { weight: 4, arbitrary: named('token') },
  { weight: 5, arbitrary: plain },
)

/** One that changes who is logged in, or what is kept of who is. */
const changing = fc.oneof(
  { weight: 3, arbitrary: response('login') },
  { weight: 1, arbitrary: named('logout') },
  { weight: 1, arbitrary: backchannel },
  { weight: 2, arbitrary: named('token') },
)

const former = fc.constantFrom(...(Object.keys(formers) as Former[]))

/** Two to four requests at once, and some that are slow at some step. */
export const atRandom: fc.Arbitrary<Scene> = fc.record({
  former,
  ops: fc.array(any, { minLength: 2, maxLength: 4 }),
  stalls: fc.array(fc.record({ actor: fc.nat(3), at: fc.nat(30) }), { maxLength: 3 }),
})

/** Steps of one request, at most: fewer are as good. */
const mostSteps = 28

/** The first runs up to a step, then the others one after another, of which the second may be interrupted too. */
function interruptions(at: number, again: number | undefined): Stall[] {
  const others = [1, 2, 3].map((actor): Stall => ({ actor, at: 0 }))
  return [...others, { actor: 0, at }, ...(again === undefined ? [] : [{ actor: 1, at: again }])]
}

/** A request that is interrupted once, by requests of which one may be interrupted in its turn. */
function interruptedOnce(
  former: fc.Arbitrary<Former>,
  first: fc.Arbitrary<Op>,
  others: fc.Arbitrary<readonly Op[]>,
): fc.Arbitrary<Scene> {
  return fc
    .record({ former, first, others, at: fc.nat(mostSteps), again: fc.option(fc.nat(mostSteps), { nil: undefined }) })
    .map(({ former, first, others, at, again }) => ({
      former,
      ops: [first, ...others],
      stalls: interruptions(at, again),
    }))
}

/** A request that changes something, interrupted. */
export const interrupted: fc.Arbitrary<Scene> = interruptedOnce(
  former,
  changing,
  fc.array(any, { minLength: 1, maxLength: 2 }),
)

/** The same with a command of the first that fails, at about the time of the interruption. */
export const faulty: fc.Arbitrary<Scene> = fc
  .record({
    former,
    first: changing,
    others: fc.array(any, { minLength: 1, maxLength: 2 }),
    fault: fc.record({ actor: fc.constant(0), command: fc.nat(14), mode: fc.constantFrom('refused', 'lost') }),
    later: fc.nat(10),
    again: fc.option(fc.nat(mostSteps), { nil: undefined }),
  })
  .map(({ former, first, others, fault, later, again }) => ({
    former,
    ops: [first, ...others],
    // Each command is two steps.
    stalls: interruptions(2 * fault.command + later, again),
    fault: fault satisfies CommandFault,
  }))

/** Of a session with logins. */
const someone = former.filter((one) => one !== 'no session' && one !== 'a visitor')

/** One that refreshes, before its answer or behind it. */
const refreshes = fc.oneof({ weight: 3, arbitrary: named('token') }, { weight: 1, arbitrary: named('guarded') })

/** A refresh, interrupted. */
export const refreshing: fc.Arbitrary<Scene> = interruptedOnce(
  someone,
  refreshes,
  fc.array(fc.oneof({ weight: 2, arbitrary: any }, { weight: 1, arbitrary: refreshes }), {
    minLength: 1,
    maxLength: 3,
  }),
)

/** A refresh of a login that is ended meanwhile. */
export const endedMeanwhile: fc.Arbitrary<Scene> = interruptedOnce(
  someone,
  refreshes,
  fc.array(fc.oneof(named('logout'), backchannel), { minLength: 1, maxLength: 2 }),
)

/** The same as `refreshing`, its connection to the provider cut. */
export const cut: fc.Arbitrary<Scene> = fc
  .tuple(refreshing, fc.constantFrom('request', 'answer'))
  .map(([scene, before]) => ({ ...scene, cut: { actor: 0, before } }))

/** The same, and the locks of all refreshes go at the interruption. */
export const unlocked: fc.Arbitrary<Scene> = refreshing.map(({ ops: [first, ...others], ...scene }) => ({
  ...scene,
  ops: [first as Op, { kind: 'evict' }, ...others],
}))

/** Whose turn it is, as fast-check's scheduler says. */
export function scheduled(scheduler: fc.Scheduler): Turns {
  return {
    take: (step) => scheduler.schedule(Promise.resolve(), step.label),
    waiting: () => scheduler.count(),
    next: () => scheduler.waitOne(),
  }
}

/** First come, first served. */
export function inTurn(): Turns {
  const waiting: (() => void)[] = []
  return {
    take: () => new Promise((resolve) => waiting.push(resolve)),
    waiting: () => waiting.length,
    next: async () => waiting.shift()?.(),
  }
}
