import { beforeEach, describe, expect, it, vi } from 'vitest'
import { hashShort } from '../../lib/core/short-hash.ts'
import { makeDetailsCookie, type LoginDetails } from '../../lib/session/details-cookie.ts'
import {
  isTooOld,
  openLogin,
  readMaxAge,
  type LoginKeys,
  type ShownLogin,
} from '../../lib/session/login-in-progress.ts'
import { deriveLoginSecrets } from '../../lib/session/login-secrets.ts'
import { hashSecret, writeProgressCookie } from '../../lib/session/progress-cookie.ts'
import { readState, writeState, type OpenedState, type State } from '../../lib/session/state.ts'
import {
  browserWith,
  firstSecret,
  loginId,
  makeState,
  place,
  plainPlace,
  progressCookie,
  sealsWith,
  secondSecret,
  theirs,
} from './support/browser.ts'

const seals = sealsWith()
const options = { scope: ['openid', 'profile'], resource: [], dpop: false, basePath: '' }
const keys: LoginKeys = { seals, cookiePlace: place, options }
const from = [hashShort('session')]

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_250 }))

interface Browser {
  readonly cookies: Map<string, string>
  readonly state: OpenedState
}

/** A browser whose login has begun, and the `state` of its response. */
function begun(more: Partial<State> = {}, details?: LoginDetails): Browser {
  const cookie = progressCookie(1, { from })
  const text = writeState(seals, makeState({ cookie: hashSecret(cookie), ...more }))
  const cookies = browserWith(
    writeProgressCookie(place, cookie),
    ...(details ? [makeDetailsCookie(seals.details, place, loginId(1), details)] : []),
  )
  return { cookies, state: readState(seals, text) as OpenedState }
}

function open({ cookies, state }: Browser, with_: LoginKeys = keys): ShownLogin | undefined {
  return openLogin(with_, cookies, state)
}

function withOptions(more: Partial<LoginKeys['options']>): LoginKeys {
  return { ...keys, options: { ...options, ...more } }
}

describe('openLogin()', () => {
  it('opens a plain login, with the secrets of its request', () => {
    const { dpopKey, ...secrets } = deriveLoginSecrets(
      seals,
      { id: loginId(1), secret: 0, hasDpop: false },
      progressCookie(1),
    )
    expect(dpopKey).toBeUndefined()
    expect(open(begun())).toEqual({
      isTooOld: false,
      login: {
        ...secrets,
        dpopKey,
        id: loginId(1),
        startedAt: 1_800_000_000.25,
        scope: ['openid', 'profile'],
        parameters: {},
        returnTo: '/profile',
        cookie: hashSecret(progressCookie(1)),
        mark: undefined,
        from,
        hasDetails: false,
        isPageLost: false,
      },
    })
  })

  it('derives the DPoP key if the instance binds tokens', () => {
    expect(open(begun(), withOptions({ dpop: true }))?.login.dpopKey).toMatch(/^[\w-]{43}$/)
  })

  it('opens scope, checked parameters and mark from `state`', () => {
    const checked = { prompt: 'login', max_age: '60', acr_values: 'gold' }
    expect(open(begun({ scope: ['openid', 'email'], checked, mark: 'hash-mark-1' }))?.login).toMatchObject({
      scope: ['openid', 'email'],
      parameters: checked,
      mark: 'hash-mark-1',
    })
  })

  it('opens the rest from the cookie with details', () => {
    const page = `/profile?q=${'a'.repeat(1000)}`
    const browser = begun(
      { isPageShort: true, needsDetails: true },
      { page, scope: ['openid', 'more'], checked: { max_age: '5' }, parameters: { login_hint: 'alice' } },
    )
    expect(open(browser)?.login).toMatchObject({
      scope: ['openid', 'more'],
      parameters: { max_age: '5', login_hint: 'alice' },
      returnTo: page,
      isPageLost: false,
    })
  })

  it('opens a checked parameter from `state` rather than from the details', () => {
    const browser = begun({ checked: { max_age: '5' } }, { parameters: { max_age: '9999', login_hint: 'alice' } })
    expect(open(browser)?.login.parameters).toEqual({ max_age: '5', login_hint: 'alice' })
  })

  it('opens the resources of the instance, unless the login has its own', () => {
    const resource = ['https://one', 'https://two']
    expect(open(begun(), withOptions({ resource }))?.login.parameters).toEqual({ resource: 'https://one https://two' })
    const other = begun({}, { parameters: { resource: 'https://three' } })
    expect(open(other, withOptions({ resource }))?.login.parameters).toEqual({ resource: 'https://three' })
  })

  it.each([
    ['', '/'],
    ['/shop', '/shop'],
  ])('leads to the start page at the base path %j if `state` has no page', (basePath, expected) => {
    expect(open(begun({ page: '', isPageShort: true }), withOptions({ basePath }))?.login).toMatchObject({
      returnTo: expected,
      isPageLost: true,
    })
  })

  it('opens nothing without the cookie of the login, or with that of another login, owner or host', () => {
    const { state, cookies } = begun()
    const [name, value] = [...cookies][0] as [string, string]
    expect(open({ cookies: new Map(), state })).toBeUndefined()
    const other = writeProgressCookie(place, { ...progressCookie(2), name }).value as string
    for (const changed of [other, `${value}x`, ''])
      expect(open({ cookies: new Map([[name, changed]]), state })).toBeUndefined()
    for (const { prefix } of [theirs, plainPlace])
      expect(open({ cookies: new Map([[name.replace(place.prefix, prefix), value]]), state })).toBeUndefined()
  })

  it('derives other secrets with the keys of another owner or with another secret', () => {
    const own = open(begun())?.login
    for (const other of [sealsWith([firstSecret], 'theirs'), sealsWith([secondSecret])]) {
      const login = open(begun(), { ...keys, seals: other })?.login
      expect(login?.nonce).not.toBe(own?.nonce)
      expect(login?.verifier).not.toBe(own?.verifier)
    }
  })

  it('opens a login that began with a secret that is now the second', () => {
    const { cookies } = begun()
    const text = writeState(seals, makeState({ cookie: hashSecret(progressCookie(1)), isPageShort: true }))
    const details = makeDetailsCookie(seals.details, place, loginId(1), { page: '/long' })
    cookies.set(details.name, details.value as string)
    const before = openLogin(withOptions({ dpop: true }), cookies, readState(seals, text) as OpenedState)
    const rotated = sealsWith([secondSecret, firstSecret])
    const after = { ...withOptions({ dpop: true }), seals: rotated }
    expect(openLogin(after, cookies, readState(rotated, text) as OpenedState)).toEqual(before)
    expect(before?.login).toMatchObject({ returnTo: '/long' })
  })
})

describe('openLogin() without the details of a login', () => {
  const later = makeDetailsCookie(seals.details, place, loginId(2), {
    page: '/later',
    parameters: { login_hint: 'bob' },
  })

  it.each<[string, Browser['cookies']]>([
    ['that the browser does not send', new Map()],
    ['that a later login has replaced', browserWith(later)],
    ['that were altered', new Map([[later.name, 'garbage']])],
  ])('leads to the page in `state`, and reports that the rest is lost: details %s', (_name, others) => {
    const browser = begun({ page: '/profile', isPageShort: true, checked: { max_age: '5' } })
    for (const [name, value] of others) browser.cookies.set(name, value)
    expect(open(browser)?.login).toMatchObject({ returnTo: '/profile', isPageLost: true, parameters: { max_age: '5' } })
  })

  it('reports no lost page if `state` has the whole page', () => {
    expect(open(begun())?.login).toMatchObject({ isPageLost: false })
    expect(open(begun({}, { parameters: { login_hint: 'alice' } }))?.login).toMatchObject({ isPageLost: false })
  })

  it('reports a lost page if the details have no room for it', () => {
    const browser = begun({ isPageShort: true }, { parameters: { login_hint: 'alice' } })
    expect(open(browser)?.login).toMatchObject({ returnTo: '/profile', isPageLost: true })
  })

  it('opens nothing if they have what the callback must check', () => {
    const { state, cookies } = begun({ needsDetails: true })
    expect(open({ state, cookies })).toBeUndefined()
    expect(open({ state, cookies: new Map([...cookies, ...browserWith(later)]) })).toBeUndefined()
  })
})

describe('the age of a login', () => {
  const ages: readonly [number, boolean][] = [
    [0, false],
    [899.999, false],
    [900, true],
    [3600, true],
    // The clock of the process that began the login is ahead: the login must not last longer.
    [-899.999, false],
    [-900, true],
    [-100_000, true],
  ]
  it.each(ages)('a login that began %d seconds ago is too old: %s', (ago, expected) => {
    const startedAt = 1_800_000_000.25 - ago
    expect(isTooOld(startedAt)).toBe(expected)
    expect(open(begun({ startedAt }))).toMatchObject({ isTooOld: expected, login: { startedAt, returnTo: '/profile' } })
  })
})

describe('readMaxAge()', () => {
  it.each<[Record<string, string>, number | undefined]>([
    [{}, undefined],
    [{ max_age: '0' }, 0],
    [{ max_age: '60' }, 60],
    [{ max_age: '0.5' }, 0.5],
    [{ prompt: 'login' }, undefined],
  ])('of the parameters %j is %s', (parameters, expected) => {
    expect(readMaxAge({ scope: [], parameters })).toBe(expected)
  })
})
