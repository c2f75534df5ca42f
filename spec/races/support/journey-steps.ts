/** Everything that may happen to a session, each as a command for fast-check. */
import * as fc from 'fast-check'
import { expect } from 'vitest'
import { secureOrigin, seenBy, sessionCookie, type Name, type RaceBrowser } from './app.ts'
import { begin, comesBack, forgetAllFinished, go, goesOn, step, type Begun, type Step } from './journey.ts'
import { users } from './ops.ts'

const which = fc.nat(1)
const anyName = fc.constantFrom<Name>('default', 'partner')
const logoutPath = (name: Name): string => (name === 'default' ? '/logout' : `/${name}/logout`)

/** Maps any number to an item of a non-empty list. */
function pick<Item>(list: readonly Item[], at: number): Item {
  return list[at % list.length] as Item
}

const writes = fc.tuple(which, fc.constantFrom('put', 'save')).map(([browser, how]) =>
  step(
    `browser ${browser}: ${how}`,
    () => true,
    async (believed, world) => {
      const { model } = believed
      const before = world.browsers[browser]?.session
      const what = `write ${believed.writes++}`
      expect((await go(believed, world, browser, `/${how}/${what}`)).status).toBe(200)
      const after = world.browsers[browser]?.session
      if (after !== undefined && after !== before) model.make(after, what)
      else model.put(before, what)
      expect(after !== before, 'a new session').toBe(
        model.session(after) !== undefined && after !== before && model.successor(before) === undefined,
      )
    },
  ),
)

const begins = fc.tuple(which, fc.constantFrom(...users)).map(([browser, [name, sub]]) =>
  step(
    `browser ${browser}: begins a login of ${sub}`,
    () => true,
    async (believed, world) => {
      await begin(believed, world, browser, name, sub)
    },
  ),
)

const finishes = fc.tuple(which, fc.nat(20)).map(([browser, at]) =>
  step(
    `browser ${browser}: comes back from login ${at}`,
    ({ begun }) => (begun[browser]?.length ?? 0) > 0,
    async (believed, world) => comesBack(believed, world, browser, pick(believed.begun[browser] as Begun[], at)),
  ),
)

const begunAndFinished = fc.tuple(which, fc.constantFrom(...users)).map(([browser, [name, sub]]) =>
  step(
    `browser ${browser}: logs in as ${sub}`,
    () => true,
    async (believed, world) => {
      await comesBack(believed, world, browser, await begin(believed, world, browser, name, sub))
    },
  ),
)

const strangers = fc.tuple(which, fc.nat(20)).map(([browser, at]) =>
  step(
    `a stranger uses the response of login ${at} of browser ${browser}`,
    ({ begun }) => (begun[browser]?.length ?? 0) > 0,
    async (believed, world) => {
      const begun = pick(believed.begun[browser] as Begun[], at)
      world.browsers[2]?.jar.clear()
      const before = [...world.provider.exchanges.values()].length
      const { status, setCookie } = await go(believed, world, 2, begun.path)
      expect(begun.used && believed.model.now() < begun.used.at + 900 ? [400] : [302, 400]).toContain(status)
      expect(setCookie.join()).not.toContain(sessionCookie)
      expect([...world.provider.exchanges.values()].length).toBe(before)
    },
  ),
)

const logouts = fc.tuple(which, anyName).map(([browser, name]) =>
  step(
    `browser ${browser}: logs out of ${name}`,
    () => true,
    async (believed, world) => {
      const { session } = world.browsers[browser] as RaceBrowser
      const came = believed.model.now()
      expect((await go(believed, world, browser, logoutPath(name))).status).toBe(303)
      believed.model.logout(session, name, came)
    },
  ),
)

/** A thief has a cookie from any time, and can do with it what its owner can. */
const thieves = fc.tuple(fc.nat(20), fc.constantFrom('put', 'logout', 'destroy'), anyName).map(([at, how, name]) =>
  step(
    `a thief with cookie ${at}: ${how}`,
    () => true,
    async (believed, world) => {
      const thief = world.browsers[2] as RaceBrowser
      if (world.cookies.size === 0) return
      const [id, value] = pick([...world.cookies], at)
      thief.jar.clear()
      thief.jar.set(`${sessionCookie}=${value}; Path=/; Secure`, secureOrigin)
      const what = `write ${believed.writes++}`
      const path = how === 'put' ? `/put/${what}` : how === 'logout' ? logoutPath(name) : '/destroy'
      const came = believed.model.now()
      expect((await go(believed, world, 2, path)).status).toBe(how === 'logout' ? 303 : 200)
      if (how === 'logout') believed.model.logout(id, name, came)
      else if (how === 'destroy') believed.model.destroy(id)
      else if (thief.session === id) believed.model.put(id, what)
      else believed.model.make(thief.session as string, what)
    },
  ),
)

const ownDoings = fc.tuple(which, fc.constantFrom('regenerate', 'destroy')).map(([browser, how]) =>
  step(
    `browser ${browser}: the application does ${how}`,
    () => true,
    async (believed, world) => {
      const { model } = believed
      const own = world.browsers[browser] as RaceBrowser
      const before = own.session
      const what = `write ${believed.writes++}`
      const path = how === 'destroy' ? '/destroy' : `/regenerate/${what}`
      expect((await go(believed, world, browser, path)).status).toBe(200)
      model.destroy(before)
      if (how === 'destroy') return
      expect(own.session).not.toBe(before)
      model.make(own.session as string, what)
    },
  ),
)

const opens = fc.tuple(which, fc.constantFrom('slow', 'slow-logout'), anyName).map(([browser, how]) =>
  step(
    `browser ${browser}: a ${how} request reads its session`,
    () => true,
    async (believed, world) => {
      const { model } = believed
      const own = world.browsers[browser] as RaceBrowser
      const id = own.session
      const gate = `gate ${believed.writes++}`
      const what = how === 'slow' ? `write ${believed.writes++}` : undefined
      const session = model.session(id)
      const was = session ? 'there' : model.successor(id) === undefined ? 'nothing' : 'moved'
      const waits = world.gate(gate)
      const path = what === undefined ? `/slow-logout/${gate}` : `/slow/${gate}/${what}`
      const answer = go(believed, world, browser, path)
      await waits.arrived
      believed.slow.push({ gate: waits, answer, browser, id, what, was, seen: model.seen(id, 'default') })
    },
  ),
)

const closes = fc.nat(5).map((at) =>
  step(
    `slow request ${at} continues`,
    ({ slow }) => slow.length > 0,
    async (believed, world) => {
      const slow = pick(believed.slow, at)
      believed.slow = believed.slow.filter((other) => other !== slow)
      await goesOn(believed, world, slow)
    },
  ),
)

const steals = fc.tuple(which, fc.nat(20)).map(([browser, at]) =>
  step(
    `browser ${browser} gets cookie ${at}`,
    () => true,
    async (_believed, { browsers, cookies }) => {
      if (cookies.size === 0) return
      const [, value] = pick([...cookies], at)
      browsers[browser]?.jar.set(`${sessionCookie}=${value}; Path=/; Secure`, secureOrigin)
    },
  ),
)

const passes = fc.constantFrom(1, 500, 700).map((seconds) =>
  step(
    `${seconds} s pass`,
    () => true,
    async (_believed, { passTime }) => passTime(seconds),
  ),
)

const faults = fc
  .tuple(which, fc.constantFrom(...users), fc.integer({ min: 1, max: 16 }), fc.constantFrom('before', 'after'))
  .map(([browser, [name, sub], nth, how]) =>
    step(
      `browser ${browser}: logs in as ${sub}, command ${nth} fails ${how} it is done`,
      () => true,
      async (believed, world) => {
        const { model } = believed
        const own = world.browsers[browser] as RaceBrowser
        const begun = await begin(believed, world, browser, name, sub)
        forgetAllFinished(world)
        const before = own.session
        const former = model.session(before)
        world.redis.failAt(nth, how)
        const answer = await go(believed, world, browser, begun.path)
        world.redis.failAt(0)
        if (answer.status === 503) {
          begun.tried = true
          expect(answer.retryAfter).toBeDefined()
          expect(own.session, 'the cookie').toBe(before)
          return
        }
        expect(answer.status).toBe(303)
        begun.used = { made: own.session as string, at: model.now() }
        model.login(before, name, { sub }, own.session as string)
        // The failed command may have been the one that records the outcome: then the outcome of its use is unknown.
        begun.tried = true
        if (before === undefined || !former || former.hadLogins) return
        // A visitor's session that could not be deleted.
        const still = await seenBy(world.apps[0], world.cookies.get(before) ?? '')
        if (still.cart !== null) model.keep(before, former)
      },
    ),
  )

/** All steps. `timely` also lets time pass, which a real Redis cannot do. */
export const steps: readonly fc.Arbitrary<Step>[] = [
  writes,
  begins,
  finishes,
  begunAndFinished,
  begunAndFinished,
  strangers,
  logouts,
  logouts,
  thieves,
  ownDoings,
  opens,
  opens,
  closes,
  closes,
  steals,
  faults,
]
export const timely: readonly fc.Arbitrary<Step>[] = [...steps, passes]
/** The steps that affect the tokens of logins. */
export const aroundTokens = { begunAndFinished, logouts, thieves, ownDoings, opens, closes, steals, passes } as const
