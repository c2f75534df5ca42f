import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { OidcOptions } from 'express-session-oidc'
import { hashShort } from '../../../lib/core/short-hash.ts'
import { beginLogin, type BeginInput } from '../../../lib/logins/login/begin.ts'
import type { Instance } from '../../../lib/logins/instance.ts'
import { makeDpopHandle } from '../../../lib/provider/dpop-keys.ts'
import { createMark, makeMarkCookie } from '../../../lib/session/browser-mark.ts'
import type { Cookie } from '../../../lib/session/login-cookies.ts'
import { openLogin, type LoginInProgress } from '../../../lib/session/login-in-progress.ts'
import { createProgressCookie, writeProgressCookie } from '../../../lib/session/progress-cookie.ts'
import { readState, type OpenedState } from '../../../lib/session/state.ts'
import { instanceWith } from '../support/stage.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_250 }))

const instance = instanceWith()

interface Begun {
  readonly text: string
  readonly requested: URLSearchParams
  readonly state: OpenedState
  readonly set: readonly Cookie[]
  /** The login as its callback opens it in the browser that began it. */
  readonly login: LoginInProgress | undefined
}

interface Given extends Partial<Omit<BeginInput, 'request'>> {
  readonly at?: Instance
  readonly parameters?: Readonly<Record<string, string>>
  readonly scope?: readonly string[]
}

/** Begins a login at `/profile`, and returns all that comes of it. */
async function begun({
  at = instance,
  parameters = {},
  scope = at.options.scope,
  ...more
}: Given = {}): Promise<Begun> {
  const request = { scope, parameters }
  const input = { returnTo: '/profile', attempt: 0, session: undefined, cookies: new Map<string, string>(), ...more }
  const { location, cookies: set } = await beginLogin(at, { request, ...input })
  const requested = new URL(location).searchParams
  const text = requested.get('state') as string
  const state = readState(at.seals, text) as OpenedState
  return { text, requested, state, set, login: openLogin(at, accept(input.cookies, set), state)?.login }
}

/** The cookies of a browser that has accepted more. It ignores those that are too large (RFC 6265bis, section 5.6). */
function accept(before: ReadonlyMap<string, string>, set: readonly Cookie[]): Map<string, string> {
  const cookies = new Map(before)
  for (const { name, value } of set) {
    if (value === undefined) cookies.delete(name)
    else if (name.length + value.length <= 4096) cookies.set(name, value)
  }
  return cookies
}

/** The names of the cookies that are set, without the prefix, in order; `!` marks those that are removed. */
function names({ set }: Begun, at = instance): readonly string[] {
  return set.map(({ name, value }) => (value === undefined ? '!' : '') + name.replace(at.cookiePlace.prefix, ''))
}

describe('beginLogin()', () => {
  it('sets one small cookie for a plain login, and needs no details', async () => {
    const found = await begun()
    expect(names(found)).toEqual([found.state.id.slice(0, 9)])
    expect(found.set[0]?.value).toMatch(/^[\w-]{28}$/)
    expect(found.login).toMatchObject({ returnTo: '/profile', scope: ['openid', 'profile', 'email'], parameters: {} })
    expect(found.state).toMatchObject({ startedAt: 1_800_000_000.25, attempt: 0, isSilent: false, asksMore: false })
  })

  it('requests the nonce and the code challenge that the callback derives', async () => {
    const { requested, login } = await begun()
    const challenge = createHash('sha256')
      .update(login?.verifier as string)
      .digest('base64url')
    expect(requested.get('nonce')).toBe(login?.nonce)
    expect(requested.get('code_challenge')).toBe(challenge)
    expect(requested.get('code_challenge_method')).toBe('S256')
    expect(requested.has('dpop_jkt')).toBe(false)
    expect(login?.dpopKey).toBeUndefined()
  })

  it('requests the thumbprint of the DPoP key that the callback derives', async () => {
    const at = instanceWith({ dpop: true })
    const { requested, login } = await begun({ at })
    const handle = await makeDpopHandle(at.provider, login?.dpopKey)
    expect(requested.get('dpop_jkt')).toBe(await handle?.calculateThumbprint())
  })

  it('begins each login with an id and secrets of its own', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => begun()))
    for (const name of ['id', 'nonce', 'verifier', 'cookie'] as const)
      expect(new Set(all.map(({ login }) => login?.[name])).size).toBe(20)
  })

  it('keeps the number of the attempt, and whether the login is silent', async () => {
    expect((await begun({ attempt: 3, isSilent: true })).state).toMatchObject({ attempt: 3, isSilent: true })
    expect((await begun({ attempt: 1 })).state).toMatchObject({ attempt: 1, isSilent: false })
  })

  it("keeps a hash of the browser's mark, if it has one", async () => {
    const mark = createMark()
    const { name, value } = makeMarkCookie(instance.cookiePlace, mark, 60)
    expect((await begun({ cookies: new Map([[name, value as string]]) })).login?.mark).toBe(hashShort(mark))
    expect((await begun()).login?.mark).toBeUndefined()
    expect((await begun({ cookies: new Map([[name, 'garbage']]) })).login?.mark).toBeUndefined()
  })

  it.each<[string, Given, boolean]>([
    ['a plain login', {}, false],
    ["a login with the instance's own scope", { scope: ['openid', 'profile', 'email'] }, false],
    ['a login with more scope', { scope: ['openid', 'profile', 'email', 'calendar'] }, true],
    ['a login with less scope', { scope: ['openid'] }, true],
    ['a login with a parameter', { parameters: { login_hint: 'alice' } }, true],
    ['a login with max_age', { parameters: { max_age: '60' } }, true],
  ])('notes whether %s requests more than a plain login', async (_name, given, asksMore) => {
    expect((await begun(given)).state.asksMore).toBe(asksMore)
  })

  it('does not take the resources of the instance for more than a plain login', async () => {
    const at = instanceWith({ resource: 'https://one' })
    expect((await begun({ at })).state.asksMore).toBe(false)
    expect((await begun({ at, parameters: { resource: 'https://two' } })).state.asksMore).toBe(true)
  })
})

describe('the sessions that a login comes from', () => {
  const [one, two] = ['first session', 'second session'].map(hashShort) as [string, string]
  const earlier = createProgressCookie(instance.cookiePlace, 'earlier-login-of-22-ch', [one, two])
  const { name, value } = writeProgressCookie(instance.cookiePlace, earlier)
  const cookies = new Map([[name, value as string]])

  it('the sessions of a login are the session of the request alone', async () => {
    expect((await begun({ session: 'third session', cookies })).login?.from).toEqual([hashShort('third session')])
    expect((await begun({ cookies })).login?.from).toEqual([])
  })

  it('the sessions of a login that restarts are those of all logins in progress, not that of its callback', async () => {
    for (const session of [undefined, 'third session', 'first session']) {
      expect((await begun({ session, cookies, attempt: 1, isRestart: true })).login?.from).toEqual([one, two])
    }
  })

  it('the sessions of a login are not those of logins of another owner', async () => {
    const theirs = instanceWith({ name: 'staff' })
    expect((await begun({ at: theirs, cookies, attempt: 1 })).login?.from).toEqual([])
  })
})

describe('the cookies of other logins in progress', () => {
  it('the cookies of other logins are removed beyond the maximum, the oldest first', async () => {
    const cookies = new Map<string, string>()
    const ids = Array.from({ length: 24 }, (_, index) => String(index).padStart(9, '0').padEnd(22, 'x'))
    for (const [index, id] of ids.entries()) {
      const cookie = createProgressCookie(instance.cookiePlace, id, [])
      const { name, value } = writeProgressCookie(instance.cookiePlace, { ...cookie, startedAt: 1_799_999_000 + index })
      cookies.set(name, value as string)
    }
    expect(cookies.size).toBe(24)
    const found = await begun({ cookies })
    const [oldest] = [...cookies.keys()].map((name) => name.replace(instance.cookiePlace.prefix, ''))
    expect(names(found)).toEqual([`!${oldest}`, found.state.id.slice(0, 9)])
  })
})

describe('the page of a login', () => {
  /** The most characters that a path may have so that all of it fits into `state`. */
  async function measureRoom(more: Given = {}): Promise<number> {
    let length = 100
    while (!(await begun({ ...more, returnTo: `/${'a'.repeat(length)}` })).state.isPageShort) length++
    return length
  }

  it('the page of a login is in `state` as a whole if it fits, to the character', async () => {
    const most = await measureRoom()
    expect(most).toBeGreaterThan(220)
    const fitting = await begun({ returnTo: `/${'a'.repeat(most - 1)}` })
    expect(fitting.text).toHaveLength(500)
    expect(names(fitting)).toHaveLength(1)
    const larger = await begun({ returnTo: `/${'a'.repeat(most)}` })
    expect(larger.state).toMatchObject({ page: '', isPageShort: true, needsDetails: false })
    expect(names(larger)).toEqual([larger.state.id.slice(0, 9), 'details'])
    for (const { login } of [fitting, larger]) expect(login?.isPageLost).toBe(false)
    expect(fitting.login?.returnTo).toHaveLength(most)
    expect(larger.login?.returnTo).toHaveLength(most + 1)
  })

  it('the page of a login is in `state` without its query or fragment if only that fits', async () => {
    for (const end of [`?q=${'a'.repeat(500)}`, `#${'a'.repeat(500)}`, `?a#${'a'.repeat(500)}`]) {
      const found = await begun({ returnTo: `/news${end}` })
      expect(found.state).toMatchObject({ page: '/news', isPageShort: true, needsDetails: false })
      expect(found.login).toMatchObject({ returnTo: `/news${end}`, isPageLost: false })
      const lost = openLogin(instance, accept(new Map(), found.set.slice(0, 1)), found.state)
      expect(lost?.login).toMatchObject({ returnTo: '/news', isPageLost: true })
    }
  })

  it('the page of a login counts as bytes of UTF-8 and with the escapes of JSON', async () => {
    for (const character of ['\u00e9', '"', '\\', '\u{1f511}']) {
      const found = await begun({ returnTo: `/${character.repeat(200)}` })
      expect(found.text.length).toBeLessThanOrEqual(500)
      expect(found.login).toMatchObject({ returnTo: `/${character.repeat(200)}` })
    }
  })

  it.each([
    ['https://app.example.com', '/'],
    ['https://app.example.com/shop', '/shop'],
  ])(
    'the page of a login is the start page of %s, and counts as lost, if it fits into no cookie',
    async (baseUrl, home) => {
      const at = instanceWith({ baseUrl })
      const parameters = { prompt: 'login', login_hint: 'alice' }
      const { login, set } = await begun({ at, returnTo: `/shop/${'a'.repeat(4000)}`, parameters })
      expect(login).toMatchObject({ returnTo: home, parameters, isPageLost: true })
      for (const { name, value } of set) expect(name.length + String(value).length).toBeLessThanOrEqual(4096)
    },
  )

  it('the page of a login of a silent login is in `state`, because its browser may return no cookie', async () => {
    const found = await begun({ returnTo: `/news?q=${'a'.repeat(400)}`, isSilent: true })
    expect(found.state).toMatchObject({ page: '/news', isSilent: true })
  })
})

describe('the parameters of a login', () => {
  const checked = { prompt: 'login', max_age: '60', acr_values: 'gold' }

  it('the parameters of a login are in `state` if the callback checks them, and otherwise in the details', async () => {
    const found = await begun({ parameters: { ...checked, login_hint: 'alice', ui_locales: 'de' } })
    expect(found.state).toMatchObject({ checked, needsDetails: false })
    expect(found.login?.parameters).toEqual({ ...checked, login_hint: 'alice', ui_locales: 'de' })
    const lost = openLogin(instance, accept(new Map(), found.set.slice(0, 1)), found.state)
    expect(lost?.login).toMatchObject({ parameters: checked, isPageLost: false })
    expect(names(await begun({ parameters: checked }))).toHaveLength(1)
  })

  it('the parameters of a login make room in `state` by shortening the page', async () => {
    const scope = ['openid', 'x'.repeat(100)]
    const found = await begun({ parameters: checked, scope, returnTo: `/news?q=${'a'.repeat(150)}` })
    expect(found.state).toMatchObject({ page: '/news', isPageShort: true, scope, checked, needsDetails: false })
    expect(found.login).toMatchObject({ returnTo: `/news?q=${'a'.repeat(150)}`, scope })
  })

  it('the parameters of a login are in the details as a whole if they do not fit into `state`', async () => {
    const scope = ['openid', ...Array.from({ length: 30 }, (_, n) => `scope-number-${n}`)]
    const found = await begun({ parameters: { ...checked, login_hint: 'alice' }, scope })
    expect(found.state).toMatchObject({ page: '/profile', scope: undefined, checked: {}, needsDetails: true })
    // The page is whole, so nothing is lost.
    expect(found.state.isPageShort).toBe(false)
    expect(found.login).toMatchObject({ scope, returnTo: '/profile', isPageLost: false })
    expect(found.login?.parameters).toEqual({ ...checked, login_hint: 'alice' })
    expect(found.text.length).toBeLessThanOrEqual(500)
    // Without the details, the callback does not know what to check.
    expect(openLogin(instance, accept(new Map(), found.set.slice(0, 1)), found.state)).toBeUndefined()
  })

  it('the parameters of a login are in the details with the instance scope if only the parameters are too long', async () => {
    const acr_values = 'gold '.repeat(100).trim()
    const found = await begun({ parameters: { acr_values, max_age: '60' } })
    expect(found.state).toMatchObject({ checked: {}, needsDetails: true })
    expect(found.login).toMatchObject({ scope: instance.options.scope, parameters: { acr_values, max_age: '60' } })
    expect(openLogin(instance, accept(new Map(), found.set.slice(0, 1)), found.state)).toBeUndefined()
  })

  it.each<[Record<string, string>, number]>([
    [{ prompt: 'login', max_age: '60' }, 0],
    [{ prompt: 'login', max_age: '60' }, 30],
    [{ max_age: '0' }, 0],
    [{ max_age: '0' }, 30],
    [{}, 0],
  ])(
    'the parameters of a login keep what the callback checks if the others are too large: %j and %i scopes',
    async (wanted, scopes) => {
      const claims = JSON.stringify({ id_token: { name: { value: 'x'.repeat(4000) } } })
      const scope = ['openid', ...Array.from({ length: scopes }, (_, n) => `scope-number-${n}`)]
      const { login, requested } = await begun({ parameters: { ...wanted, claims, login_hint: 'alice' }, scope })
      expect(login?.parameters).toStrictEqual(wanted)
      expect(login).toMatchObject({ returnTo: '/profile', scope, nonce: requested.get('nonce') })
      expect(requested.get('claims')).toBe(claims)
    },
  )

  it('the parameters of a login begin a login that cannot be finished if what the callback checks fits into no cookie', async () => {
    const scope = ['openid', ...Array.from({ length: 500 }, (_, n) => `scope-number-${n}`)]
    const found = await begun({ parameters: { max_age: '60' }, scope })
    expect(found.state.needsDetails).toBe(true)
    expect(found.login).toBeUndefined()
    expect(found.requested.get('scope')).toContain('scope-number-499')
  })
})

describe('the resources of an authorization request', () => {
  it.each<[string, readonly string[], string | undefined, readonly string[], boolean]>([
    ['the resources of the instance', ['https://one', 'https://two'], undefined, ['https://one', 'https://two'], false],
    [
      'the resources of the instance and of the login',
      ['https://one'],
      'https://two https://one',
      ['https://one', 'https://two'],
      true,
    ],
    ['the resources of the login alone', [], 'https://two', ['https://two'], true],
    ['no resources', [], undefined, [], false],
  ])('the resources of an authorization request are %s', async (_what, resource, requested, expected, needsDetails) => {
    const more: Partial<OidcOptions> = resource.length > 0 ? { resource: [...resource] } : {}
    const at = instanceWith(more)
    const found = await begun({ at, parameters: requested === undefined ? {} : { resource: requested } })
    expect(found.requested.getAll('resource')).toEqual(expected)
    expect(found.login?.parameters).toEqual(expected.length > 0 ? { resource: expected.join(' ') } : {})
    // The callback knows the resources of the instance.
    expect(names(found, at).includes('details')).toBe(needsDetails)
  })
})
