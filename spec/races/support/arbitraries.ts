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

/** A request that changes who is logged in, or the stored state of a login. */
const changing = fc.oneof(
  { weight: 3, arbitrary: response('login') },
  { weight: 1, arbitrary: named('logout') },
  { weight: 1, arbitrary: backchannel },
  { weight: 2, arbitrary: named('token') },
)

const former = fc.constantFrom(...(Object.keys(formers) as Former[]))

/** Two to four requests at once, some of them held at some step. */
export const atRandom: fc.Arbitrary<Scene> = fc.record({
  former,
  ops: fc.array(any, { minLength: 2, maxLength: 4 }),
  stalls: fc.array(fc.record({ actor: fc.nat(3), at: fc.nat(30) }), { maxLength: 3 }),
})

/** The most steps of one request; smaller numbers work as well. */
const mostSteps = 28

/** The first request runs up to a step, then the others run one after another; the second may be interrupted too. */
function interruptions(at: number, again: number | undefined): Stall[] {
  const others = [1, 2, 3].map((actor): Stall => ({ actor, at: 0 }))
  return [...others, { actor: 0, at }, ...(again === undefined ? [] : [{ actor: 1, at: again }])]
}

/** A request that is interrupted once, by requests of which one may itself be interrupted. */
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

/** A request that changes something and is interrupted. */
export const interrupted: fc.Arbitrary<Scene> = interruptedOnce(
  former,
  changing,
  fc.array(any, { minLength: 1, maxLength: 2 }),
)

/** The same, and a command of the first request fails at about the time of the interruption. */
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

/** A session with logins. */
const someone = former.filter((one) => one !== 'no session' && one !== 'a visitor')

/** A request that refreshes, before its response or in the background. */
const refreshes = fc.oneof({ weight: 3, arbitrary: named('token') }, { weight: 1, arbitrary: named('guarded') })

/** An interrupted refresh. */
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

/** The same as `refreshing`, with the connection to the provider cut. */
export const cut: fc.Arbitrary<Scene> = fc
  .tuple(refreshing, fc.constantFrom('request', 'answer'))
  .map(([scene, before]) => ({ ...scene, cut: { actor: 0, before } }))

/** The same as `refreshing`, with all refresh locks deleted at the interruption. */
export const unlocked: fc.Arbitrary<Scene> = refreshing.map(({ ops: [first, ...others], ...scene }) => ({
  ...scene,
  ops: [first as Op, { kind: 'evict' }, ...others],
}))

/** Turns in the order of fast-check's scheduler. */
export function scheduled(scheduler: fc.Scheduler): Turns {
  return {
    take: (step) => scheduler.schedule(Promise.resolve(), step.label),
    waiting: () => scheduler.count(),
    next: () => scheduler.waitOne(),
  }
}

/** Turns in the order of arrival. */
export function inTurn(): Turns {
  const waiting: (() => void)[] = []
  return {
    take: () => new Promise((resolve) => waiting.push(resolve)),
    waiting: () => waiting.length,
    next: async () => waiting.shift()?.(),
  }
}
