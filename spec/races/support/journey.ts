/** What browsers and an application do to sessions in sequence, in the code and in the model. */
import type { AsyncCommand } from 'fast-check'
import { expect } from 'vitest'
import { seenBy, sessionCookie, type Name, type RaceApp, type RaceBrowser } from './app.ts'
import type { FailingClient } from '../../support/failing-client.ts'
import type { Gate } from '../../support/gate.ts'
import { forgetFinished } from '../../support/identity.ts'
import type { RaceAnswer } from './http.ts'
import type { Model, ModelLogin, SeenLogin } from './model.ts'
import type { RaceProvider } from './provider.ts'

/** A login that was begun and may be finished. */
export interface Begun {
  readonly path: string
  /** The name of its cookie. */
  readonly cookie: string
  readonly name: Name
  readonly sub: string
  /** When it was begun. */
  readonly at: number
  /** The login that it became. */
  used?: { readonly made: string; readonly at: number }
  /** Whether a fault occurred: then its response may be used up. */
  tried?: true
}

/** A request that has read its session and continues later. */
interface Slow {
  readonly gate: Gate
  readonly answer: Promise<RaceAnswer>
  readonly browser: number
  readonly id: string | undefined
  readonly what: string | undefined
  /** The state of the session when it was read. */
  readonly was: 'there' | 'moved' | 'nothing'
  /** The login that a logout saw at that moment. */
  readonly seen: SeenLogin
}

/** The expected state of the tokens of a login. */
export interface BelievedTokens {
  /** When the access token expires, in whole seconds. */
  endsAt: number
  /** The lifetime of the access token. */
  life: number
  /** Whether the refresh token was consumed without a result. */
  isLost: boolean
  /** Until when the application treats the provider as down. */
  downUntil: number
}

/** A request for an access token whose response from the provider is held. */
export interface Asking {
  readonly gate: Gate
  readonly answer: Promise<RaceAnswer>
  readonly id: string | undefined
  readonly name: Name
  readonly login: ModelLogin
  readonly since: number
}

/** The expected state. */
export interface Believed {
  readonly model: Model
  readonly begun: Begun[][]
  /** Numbers what the application writes, so that no two writes are equal. */
  writes: number
  slow: Slow[]
  /** By the session that the login created. */
  readonly tokens: Map<string, BelievedTokens>
  asking: Asking[]
}

/** The actual state. */
export interface World {
  /** Two processes. */
  readonly apps: readonly [RaceApp, RaceApp]
  readonly provider: RaceProvider
  readonly redis: FailingClient
  readonly browsers: readonly RaceBrowser[]
  /** Where the slow request with this name waits. */
  readonly gate: (name: string) => Gate
  /** Every session cookie that ever existed, by id: a thief has them all. */
  readonly cookies: Map<string, string>
  readonly passTime: (seconds: number) => void
  /** The texts of all existing login records. */
  readonly records: () => Promise<string[]>
}

export type Step = AsyncCommand<Believed, World>

/** A step that is followed by a check of the whole state. */
export function step(
  text: string,
  can: (believed: Believed) => boolean,
  run: (b: Believed, w: World) => Promise<void>,
): Step {
  return {
    check: can,
    async run(believed, world) {
      await run(believed, world)
      await look(believed, world)
    },
    toString: () => text,
  }
}

/** Checks what each cookie shows against the model, and what must hold regardless of the model. */
async function look({ model }: Believed, { apps, browsers, cookies, provider, records }: World): Promise<void> {
  for (const { seen } of browsers) for (const [id, value] of seen) cookies.set(id, value)
  for (const [id, value] of cookies) {
    const who = await seenBy(apps[0], value)
    expect(model.shows(id, who), `${JSON.stringify(who)}, but ${model.describe(id)}`).toBe(true)
    model.touch(id)
  }
  expect(provider.refreshTokens.wrong).toEqual([])
  for (const times of provider.exchanges.values()) expect(times, 'exchanges of one code').toBeLessThanOrEqual(1)
  // A logout is final: no record contains a login for which a logout event was emitted.
  const entries = (await records())
    .map((text) => JSON.stringify((JSON.parse(text) as { entries: object }).entries))
    .join()
  const ended = apps.flatMap(({ reported }) => reported).filter(({ event }) => event === 'logout')
  for (const { loginId } of ended) expect(entries, 'an ended login').not.toContain(loginId)
  expect(new Set(ended.map(({ loginId }) => loginId)).size, 'logout events').toBe(ended.length)
}

/** Sends a request of a browser; its session counts as used. */
export async function go(
  { model }: Believed,
  { apps, browsers }: World,
  browser: number,
  path: string,
): Promise<RaceAnswer> {
  const { session } = browsers[browser] as RaceBrowser
  model.touch(session)
  return (browsers[browser] as RaceBrowser).go(apps[browser % 2] as RaceApp, path)
}

/** A browser begins a login and the provider authenticates the user; the authorization response is not delivered yet. */
export async function begin(
  believed: Believed,
  world: World,
  browser: number,
  name: Name,
  sub: string,
): Promise<Begun> {
  const at = believed.model.now()
  const answer = await go(believed, world, browser, name === 'default' ? '/login' : `/${name}/login`)
  const { status, location, setCookie } = answer
  expect(status).toBe(302)
  const cookie = setCookie.map((line) => line.split('=', 1)[0] as string).findLast((each) => /\.[\w-]{9}$/.test(each))
  expect(cookie).toBeDefined()
  const begun: Begun = { cookie: cookie as string, path: world.provider.authorize(location ?? '', sub), name, sub, at }
  believed.begun[browser]?.push(begun)
  return begun
}

/** Whether the browser still has the cookie of a login that it began. */
function hasCookie({ browsers }: World, browser: number, { cookie }: Begun): boolean {
  return (browsers[browser] as RaceBrowser).jar.get(cookie) !== undefined
}

export function forgetAllFinished({ browsers }: World): void {
  for (const browser of browsers) forgetFinished(browser)
}

/** Delivers the authorization response of a login, for the first time or again. */
export async function comesBack(believed: Believed, world: World, browser: number, begun: Begun): Promise<void> {
  const { model } = believed
  const owner = world.browsers[browser] as RaceBrowser
  forgetAllFinished(world)
  const before = owner.session
  const had = hasCookie(world, browser, begun)
  const { status, location } = await go(believed, world, browser, begun.path)
  const { used, name, sub } = begun
  const isRemembered = used !== undefined && model.now() < used.at + 1800
  // Since it began, a login may have finished that is as good: then the page is opened at once.
  const isLoggedIn = model.isLoggedInSince(before, name, begun.at)
  if (isRemembered) {
    const own = model.session(before)?.logins[name]?.by === used.made
    const back = own || had || isLoggedIn ? [303, '/'] : [400, undefined]
    // After a fault the outcome of its use may be unknown.
    if (!begun.tried || status === 303) expect([status, location]).toEqual(back)
    else expect([302, 400]).toContain(status)
    expect(owner.session).toBe(before)
    return
  }
  const isLate = model.now() - begun.at >= 900
  const isAnew = (status === 302 && location?.includes('/authorize?')) || (status === 400 && begun.tried && !had)
  if ((!had || isLate) && isLoggedIn && !begun.tried) {
    expect([status, location]).toEqual([303, '/'])
    expect(owner.session).toBe(before)
    return
  }
  if (begun.tried ? isAnew : !had || isLate) {
    expect(isAnew).toBe(true)
    return
  }
  if (!model.mayFinish(name, { sub }, begun.at)) {
    // The user logged out while the login was in progress: it begins anew, and its response is used up.
    expect(isAnew).toBe(true)
    expect(owner.session).toBe(before)
    begun.tried = true
    return
  }
  expect([status, location]).toEqual([303, '/'])
  expect(owner.session).not.toBe(before)
  begun.used = { made: owner.session as string, at: model.now() }
  model.login(before, name, { sub }, owner.session as string)
}

/** A slow request continues with the state that it read at first. */
export async function goesOn({ model }: Believed, world: World, slow: Slow): Promise<void> {
  const own = world.browsers[slow.browser] as RaceBrowser
  const at = model.now()
  slow.gate.open()
  const { status, setCookie } = await slow.answer
  if (slow.what === undefined) {
    expect(status).toBe(303)
    model.lateLogout(slow.id, 'default', slow.seen, at)
    return
  }
  expect(status).toBe(200)
  const isNew = setCookie.some((line) => line.startsWith(`${sessionCookie}=`))
  expect(isNew, 'a new session').toBe(slow.was === 'nothing')
  if (isNew) model.make(own.session as string, slow.what)
  else if (slow.was === 'there') model.put(slow.id, slow.what)
}

/** Lets all waiting requests continue, and checks the state once more. */
export async function letGo(believed: Believed, world: World): Promise<void> {
  for (const slow of believed.slow.splice(0)) await goesOn(believed, world, slow)
  await look(believed, world)
}
