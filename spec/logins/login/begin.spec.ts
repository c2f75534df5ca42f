import { beforeEach, describe, expect, it, vi } from 'vitest'
import { beginLogin } from '../../../lib/logins/login/begin.ts'
import type { Instance } from '../../../lib/logins/instance.ts'
import { readState } from '../../../lib/session/state.ts'
import { openTransaction, measureCookie, type Transaction } from '../../../lib/session/transaction.ts'
import { instanceWith } from '../support/stage.ts'
import type { Cookie } from '../../../lib/session/login-cookies.ts'

/** Browsers drop cookies whose name and value are larger (RFC 6265bis 5.6). */
const mostOfCookie = 4096

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 }))

interface Begun {
  readonly size: number
  readonly requested: URLSearchParams
  readonly transaction: Transaction
}

/** Begins a login; returns its authorization request and the transaction in its cookie. */
async function begun(
  instance: Instance,
  returnTo: string,
  parameters: Readonly<Record<string, string>> = {},
  scope: readonly string[] = instance.options.scope,
): Promise<Begun> {
  const request = { scope, parameters }
  const { location, cookies } = await beginLogin(instance, { request, returnTo, attempt: 0, cookies: new Map() })
  expect(cookies).toHaveLength(1)
  const { name, value } = cookies[0] as Cookie
  const requested = new URL(location).searchParams
  const id = readState(instance.seals, requested.get('state') ?? '')?.id as string
  const remembered = new Map([[name, value as string]])
  const transaction = openTransaction(instance.seals.transaction, instance.cookiePlace, remembered, id) as Transaction
  return { size: measureCookie(name, value), requested, transaction }
}

describe('the transaction of a login in progress', () => {
  const instance = instanceWith()

  it('the transaction has the return path and all parameters of the request', async () => {
    const parameters = { prompt: 'login', max_age: '60', login_hint: 'alice' }
    const { transaction, requested } = await begun(instance, '/profile?tab=1', parameters, ['openid', 'email'])
    expect(transaction).toMatchObject({ returnTo: '/profile?tab=1', parameters, scope: ['openid', 'email'] })
    expect(transaction.nonce).toBe(requested.get('nonce'))
    expect(transaction.startedAt).toBe(1_800_000_000)
  })

  it.each([
    ['https://app.example.com', '/'],
    ['https://app.example.com/shop', '/shop'],
  ])(
    'the transaction returns to the start page of %s if the path is too long, and keeps all parameters',
    async (baseUrl, home) => {
      const parameters = { prompt: 'login', login_hint: 'alice' }
      const { transaction, size } = await begun(instanceWith({ baseUrl }), `/shop/${'a'.repeat(4000)}`, parameters)
      expect(transaction).toMatchObject({ returnTo: home, parameters })
      expect(size).toBeLessThan(mostOfCookie)
    },
  )

  it.each<[Record<string, string>]>([
    [{ prompt: 'login', max_age: '60' }],
    [{ prompt: 'select_account' }],
    [{ max_age: '0' }],
    [{}],
  ])(
    'the transaction of a large request keeps only parameters that its response is checked against: %j',
    async (checked) => {
      const claims = JSON.stringify({ id_token: { name: { value: 'x'.repeat(4000) } } })
      const { transaction, size, requested } = await begun(instance, '/profile', {
        ...checked,
        claims,
        login_hint: 'alice',
      })
      expect(transaction.parameters).toStrictEqual(checked)
      expect(transaction).toMatchObject({ returnTo: '/', nonce: requested.get('nonce') })
      expect(size).toBeLessThan(mostOfCookie)
      expect(requested.get('claims')).toBe(claims)
    },
  )

  it('a login begins with the smallest transaction even if that exceeds the limit of browsers', async () => {
    const scope = ['openid', ...Array.from({ length: 500 }, (_, n) => `scope-number-${n}`)]
    const { transaction, size } = await begun(instance, '/profile', { prompt: 'login', login_hint: 'alice' }, scope)
    expect(size).toBeGreaterThan(mostOfCookie)
    expect(transaction).toMatchObject({ returnTo: '/', parameters: { prompt: 'login' }, scope })
  })

  it.each<[string, string, Record<string, string>]>([
    ['all parameters', '/profile', { login_hint: 'alice' }],
    ['a path that is too long', `/${'a'.repeat(4000)}`, {}],
    ['parameters that are too long', '/', { claims: 'x'.repeat(4000), login_hint: 'alice' }],
  ])('the transaction has the key of a DPoP login with %s', async (_name, returnTo, parameters) => {
    const { transaction, requested, size } = await begun(instanceWith({ dpop: true }), returnTo, parameters)
    expect(transaction.dpopKey).toMatch(/^[\w-]{43}$/)
    expect(requested.get('dpop_jkt')).toMatch(/^[\w-]{43}$/)
    expect(size).toBeLessThan(mostOfCookie)
    const unbound = await begun(instance, returnTo, parameters)
    expect(unbound.transaction).not.toHaveProperty('dpopKey')
    expect(unbound.requested.has('dpop_jkt')).toBe(false)
    if (returnTo === '/profile') expect(size - unbound.size).toBeLessThan(80)
  })

  it('the transaction cookie keeps the return path up to the limit of browsers, to the character', async () => {
    const { size: short } = await begun(instance, '/')
    const sizes = new Map<boolean, Set<number>>([
      [true, new Set()],
      [false, new Set()],
    ])
    // Sealed text is base64url: four characters for three bytes, and never one more than a multiple of four.
    const about = Math.floor(((mostOfCookie - short) * 3) / 4)
    for (let length = about - 12; length < about + 12; length++) {
      const returnTo = `/${'a'.repeat(length)}`
      const { transaction } = await begun(instance, returnTo)
      const plain = JSON.stringify({ ...transaction, returnTo }).length
      const whole = `__Host-oidc.01234567890.${transaction.id}`.length + Math.ceil(((plain + 28) * 4) / 3)
      sizes.get(transaction.returnTo === returnTo)?.add(whole)
    }
    const [kept, safeReturnTo] = [[...(sizes.get(true) ?? [])], [...(sizes.get(false) ?? [])]]
    expect(Math.max(...kept)).toBe(mostOfCookie - 2)
    expect(Math.min(...safeReturnTo)).toBe(mostOfCookie)
  })
})

describe('a silent login', () => {
  it.each([
    ['https://app.example.com', 500, undefined],
    ['https://app.example.com', 501, '/'],
    ['https://app.example.com/shop', 501, '/shop'],
  ])(
    'at %s, the state of a silent login has a path of %d characters or the start page',
    async (baseUrl, length, home) => {
      const instance = instanceWith({ baseUrl })
      const returnTo = `/${'a'.repeat(length - 1)}`
      const request = { scope: instance.options.scope, parameters: {} }
      const input = { request, returnTo, attempt: 0, isSilent: true, cookies: new Map<string, string>() }
      const state = new URL((await beginLogin(instance, input)).location).searchParams.get('state') ?? ''
      expect(readState(instance.seals, state)?.openPage).toBe(home ?? returnTo)
    },
  )
})

describe('the resources of an authorization request', () => {
  it.each<[string | undefined, readonly string[], string | undefined, readonly string[]]>([
    ['the resources of the instance', ['https://one', 'https://two'], undefined, ['https://one', 'https://two']],
    [
      'the resources of the instance and of the login',
      ['https://one'],
      'https://two https://one',
      ['https://one', 'https://two'],
    ],
    ['the resources of the login alone', [], 'https://two', ['https://two']],
    ['no resources', [], undefined, []],
  ])('an authorization request has %s', async (_what, resource, requested, expected) => {
    const instance = instanceWith(resource.length > 0 ? { resource: [...resource] } : {})
    const found = await begun(instance, '/', requested === undefined ? {} : { resource: requested })
    expect(found.requested.getAll('resource')).toEqual(expected)
    expect(found.transaction.parameters).toEqual(expected.length > 0 ? { resource: expected.join(' ') } : {})
  })
})
