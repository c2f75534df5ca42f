import { beforeEach, describe, expect, it, vi } from 'vitest'
import { beginLogin } from '../../../lib/logins/login/begin.ts'
import type { Instance } from '../../../lib/logins/instance.ts'
import { readState } from '../../../lib/session/state.ts'
import { openTransaction, sizeOf, type Transaction } from '../../../lib/session/transaction.ts'
import { instanceWith } from '../support/stage.ts'
import type { Cookie } from '../../../lib/session/login-cookies.ts'

/** Browsers drop cookies whose name and value are larger (RFC 6265bis 5.6). */
const mostOfCookie = 4096

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 }))

interface Begun {
  readonly size: number
  readonly asked: URLSearchParams
  readonly transaction: Transaction
}

/** Begins a login; says what was asked for, and what the browser remembers of it. */
async function begun(
  instance: Instance,
  returnTo: string,
  parameters: Readonly<Record<string, string>> = {},
  scope?: readonly string[],
): Promise<Begun> {
  const request = { scope, parameters, returnTo: undefined }
  const { location, cookies } = await beginLogin(instance, { request, returnTo, attempt: 0, cookies: new Map() })
  expect(cookies).toHaveLength(1)
  const { name, value } = cookies[0] as Cookie
  const asked = new URL(location).searchParams
  const id = readState(instance.seals, asked.get('state') ?? '')?.id as string
  const remembered = new Map([[name, value as string]])
  const transaction = openTransaction(instance.seals.transaction, instance.cookiePlace, remembered, id) as Transaction
  return { size: sizeOf(name, value), asked, transaction }
}

describe('what a browser remembers of a login under way', () => {
  const instance = instanceWith()

  it('is where to return and all that was asked for', async () => {
    const parameters = { prompt: 'login', max_age: '60', login_hint: 'alice' }
    const { transaction, asked } = await begun(instance, '/profile?tab=1', parameters, ['openid', 'email'])
    expect(transaction).toMatchObject({ returnTo: '/profile?tab=1', parameters, scope: ['openid', 'email'] })
    expect(transaction.nonce).toBe(asked.get('nonce'))
    expect(transaction.startedAt).toBe(1_800_000_000)
  })

  it.each([
    ['https://app.example.com', '/'],
    ['https://app.example.com/shop', '/shop'],
  ])(
    'is to return to the start page of %s where the address is too long, with all that was asked for',
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
  ])('is of too large a request no more than what its response is held to: %j', async (checked) => {
    const claims = JSON.stringify({ id_token: { name: { value: 'x'.repeat(4000) } } })
    const { transaction, size, asked } = await begun(instance, '/profile', { ...checked, claims, login_hint: 'alice' })
    expect(transaction.parameters).toStrictEqual(checked)
    expect(transaction).toMatchObject({ returnTo: '/', nonce: asked.get('nonce') })
    expect(size).toBeLessThan(mostOfCookie)
    expect(asked.get('claims')).toBe(claims)
  })

  it('is the least of it where nothing fits: the login begins, and a browser that takes the cookie finishes it', async () => {
    const scope = ['openid', ...Array.from({ length: 500 }, (_, n) => `scope-number-${n}`)]
    const { transaction, size } = await begun(instance, '/profile', { prompt: 'login', login_hint: 'alice' }, scope)
    expect(size).toBeGreaterThan(mostOfCookie)
    expect(transaction).toMatchObject({ returnTo: '/', parameters: { prompt: 'login' }, scope })
  })

  it.each<[string, string, Record<string, string>]>([
    ['all of it', '/profile', { login_hint: 'alice' }],
    ['where the address is too long', `/${'a'.repeat(4000)}`, {}],
    ['where too much is asked for', '/', { claims: 'x'.repeat(4000), login_hint: 'alice' }],
  ])('has the key of a bound login, %s', async (_name, returnTo, parameters) => {
    const { transaction, asked, size } = await begun(instanceWith({ dpop: true }), returnTo, parameters)
    expect(transaction.dpopKey).toMatch(/^[\w-]{43}$/)
    expect(asked.get('dpop_jkt')).toMatch(/^[\w-]{43}$/)
    expect(size).toBeLessThan(mostOfCookie)
    const unbound = await begun(instance, returnTo, parameters)
    expect(unbound.transaction).not.toHaveProperty('dpopKey')
    expect(unbound.asked.has('dpop_jkt')).toBe(false)
    if (returnTo === '/profile') expect(size - unbound.size).toBeLessThan(80)
  })

  it('stays below what browsers take, to the character', async () => {
    const { size: short } = await begun(instance, '/')
    const sizes = new Map<boolean, Set<number>>([
      [true, new Set()],
      [false, new Set()],
    ])
    // Sealed text is base64url: four characters for three, and never one more than a multiple of four.
    const about = Math.floor(((mostOfCookie - short) * 3) / 4)
    for (let length = about - 12; length < about + 12; length++) {
      const returnTo = `/${'a'.repeat(length)}`
      const { transaction } = await begun(instance, returnTo)
      const plain = JSON.stringify({ ...transaction, returnTo }).length
      const whole = `__Host-oidc.01234567890.${transaction.id}`.length + Math.ceil(((plain + 28) * 4) / 3)
      sizes.get(transaction.returnTo === returnTo)?.add(whole)
    }
    const [kept, homeward] = [[...(sizes.get(true) ?? [])], [...(sizes.get(false) ?? [])]]
    expect(Math.max(...kept)).toBe(mostOfCookie - 2)
    expect(Math.min(...homeward)).toBe(mostOfCookie)
  })
})

describe('a silent login', () => {
  it.each([
    ['https://app.example.com', 500, undefined],
    ['https://app.example.com', 501, '/'],
    ['https://app.example.com/shop', 501, '/shop'],
  ])(
    'at %s, from an address of %d characters, keeps it or the start page in its state',
    async (baseUrl, length, home) => {
      const instance = instanceWith({ baseUrl })
      const returnTo = `/${'a'.repeat(length - 1)}`
      const request = { scope: undefined, parameters: {}, returnTo: undefined }
      const input = { request, returnTo, attempt: 0, isSilent: true, cookies: new Map<string, string>() }
      const state = new URL((await beginLogin(instance, input)).location).searchParams.get('state') ?? ''
      expect(readState(instance.seals, state)?.openPage).toBe(home ?? returnTo)
    },
  )
})

describe('the resources that a login asks for', () => {
  it.each<[string | undefined, readonly string[], string | undefined, readonly string[]]>([
    ['those of the instance', ['https://one', 'https://two'], undefined, ['https://one', 'https://two']],
    ['those of the request besides', ['https://one'], 'https://two https://one', ['https://one', 'https://two']],
    ['those of the request alone', [], 'https://two', ['https://two']],
    ['none', [], undefined, []],
  ])('are %s', async (_what, resource, asked, expected) => {
    const instance = instanceWith(resource.length > 0 ? { resource: [...resource] } : {})
    const found = await begun(instance, '/', asked === undefined ? {} : { resource: asked })
    expect(found.asked.getAll('resource')).toEqual(expected)
    expect(found.transaction.parameters).toEqual(expected.length > 0 ? { resource: expected.join(' ') } : {})
  })
})
