/** Everything that may happen to the access tokens of a session, each as a command for fast-check. */
import * as fc from 'fast-check'
import { expect } from 'vitest'
import { Gate } from '../../support/gate.ts'
import { idleSeconds, maxLoginSeconds, type Name, type RaceBrowser } from './app.ts'
import type { RaceAnswer } from './http.ts'
import { aroundTokens } from './journey-steps.ts'
import { go, step, type Asking, type Believed, type BelievedTokens, type Step, type World } from './journey.ts'
import type { ModelLogin } from './model.ts'

const which = fc.nat(1)
const anyName = fc.constantFrom<Name>('default', 'partner')
const noteSeconds = 5
const refreshedSeconds = 300

function getTokens({ tokens }: Believed, { by, endsAt }: ModelLogin): BelievedTokens {
  const first = { endsAt: Math.floor(endsAt - maxLoginSeconds) + 1, life: 1, isLost: false, downUntil: 0 }
  const known = tokens.get(by) ?? first
  tokens.set(by, known)
  return known
}

/** Whether a request would send the refresh token. */
function isDue({ model }: Believed, { endsAt, life, downUntil }: BelievedTokens): boolean {
  const left = endsAt - Math.floor(model.now())
  return !(left > 0 && left >= Math.min(30, life / 2)) && downUntil <= model.now()
}

/** The login of a session; `busy` while another request for its token waits for the provider. */
function getLogin(believed: Believed, { session }: RaceBrowser, name: Name): ModelLogin | 'busy' | undefined {
  const login = believed.model.session(session)?.logins[name]
  return believed.asking.some((asking) => asking.login.by === login?.by) ? 'busy' : login
}

/** Expects that nobody is logged in: a 401, or a redirect to a login. */
function expectNobody({ status }: RaceAnswer): void {
  expect([302, 401]).toContain(status)
}

function expectToken(answer: RaceAnswer, { sub }: ModelLogin): void {
  expect([answer.status, answer.status === 200 && answer.json()]).toEqual([200, { sub }])
}

/** Records the result of a successful refresh. */
function refreshed(believed: Believed, tokens: BelievedTokens): void {
  tokens.endsAt = Math.floor(believed.model.now()) + refreshedSeconds
  tokens.life = refreshedSeconds
}

async function asks(believed: Believed, world: World, browser: number, name: Name): Promise<void> {
  const { model } = believed
  const own = world.browsers[browser] as RaceBrowser
  const login = getLogin(believed, own, name)
  if (login === 'busy') return
  const id = own.session
  const answer = await go(believed, world, browser, `/token/${name}`)
  if (!login) return expectNobody(answer)
  const tokens = getTokens(believed, login)
  if (!isDue(believed, tokens)) {
    if (tokens.downUntil > model.now() && tokens.endsAt <= Math.floor(model.now())) expect(answer.status).toBe(503)
    else expectToken(answer, login)
  } else if (tokens.isLost) {
    expectNobody(answer)
    model.end(id, name, login.by)
  } else {
    expectToken(answer, login)
    refreshed(believed, tokens)
  }
}

const asking = fc.tuple(which, anyName).map(([browser, name]) =>
  step(
    `browser ${browser}: asks for its access token of ${name}`,
    () => true,
    (believed, world) => asks(believed, world, browser, name),
  ),
)

const cuts = fc.tuple(which, anyName, fc.constantFrom('request', 'answer')).map(([browser, name, before]) =>
  step(
    `browser ${browser}: asks for its access token of ${name}, and the ${before} is cut`,
    () => true,
    async (believed, world) => {
      const login = getLogin(believed, world.browsers[browser] as RaceBrowser, name)
      const tokens = login === 'busy' || !login ? undefined : getTokens(believed, login)
      if (!tokens || tokens.isLost || !isDue(believed, tokens)) return
      world.provider.refreshTokens.cut({ actor: undefined, before })
      expect((await go(believed, world, browser, `/token/${name}`)).status).toBe(503)
      tokens.isLost = before === 'answer'
      tokens.downUntil = believed.model.now() + noteSeconds
    },
  ),
)

const waits = fc.tuple(which, anyName).map(([browser, name]) =>
  step(
    `browser ${browser}: asks for its access token of ${name}, and the provider is slow`,
    () => true,
    async (believed, world) => {
      const own = world.browsers[browser] as RaceBrowser
      const login = getLogin(believed, own, name)
      if (login === 'busy' || !login || !isDue(believed, getTokens(believed, login))) return
      const gate = new Gate()
      world.provider.hold = gate
      const id = own.session
      const answer = go(believed, world, browser, `/token/${name}`)
      await gate.arrived
      believed.asking.push({ gate, answer, id, name, login, since: believed.model.now() })
    },
  ),
)

const answered = fc.nat(5).map((at) =>
  step(
    `the provider answers refresh ${at}`,
    ({ asking }) => asking.length > 0,
    async (believed) => {
      const one = believed.asking[at % believed.asking.length] as Asking
      believed.asking = believed.asking.filter((other) => other !== one)
      await isAnswered(believed, one)
    },
  ),
)

/** The provider answers. The result goes to where the login is at that moment, and nowhere if the login has ended. */
async function isAnswered(believed: Believed, { gate, answer, id, name, login, since }: Asking): Promise<void> {
  const { model } = believed
  const tokens = getTokens(believed, login)
  gate.open()
  const given = await answer
  if (tokens.isLost) {
    expectNobody(given)
    model.end(id, name, login.by)
  } else if (model.holds(id, name, login.by)) {
    expectToken(given, login)
    refreshed(believed, tokens)
  } else if (model.now() - since >= idleSeconds) {
    // Its session may have expired by idling: the response to an earlier request then says nothing about the login.
    expect([200, 302, 401]).toContain(given.status)
  } else expectNobody(given)
}

/** Lets the provider answer everything that still waits for it. */
export async function allAnswered(believed: Believed): Promise<void> {
  for (const one of believed.asking.splice(0)) await isAnswered(believed, one)
}

/** The steps for a Redis whose time cannot be advanced, where no access token expires. */
export const tokenSteps: readonly fc.Arbitrary<Step>[] = [asking]

/** Shorter than the idle time of a session. */
const ends = fc.constantFrom(2, 301).map((seconds) =>
  step(
    `${seconds} s pass, and access tokens end`,
    () => true,
    async (_believed, { passTime }) => passTime(seconds),
  ),
)

const { begunAndFinished, ...others } = aroundTokens
const often: readonly (readonly [one: fc.Arbitrary<Step>, times: number])[] = [
  [begunAndFinished, 4],
  [ends, 3],
  [asking, 3],
  [waits, 2],
]
/** Refreshes, and other steps beside them. */
export const refreshSteps: readonly fc.Arbitrary<Step>[] = [
  ...often.flatMap(([one, times]) => Array.from({ length: times }, () => one)),
  cuts,
  answered,
  ...Object.values(others),
]
