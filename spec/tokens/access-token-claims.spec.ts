/** Every claim that is read from an access token, missing and of every type: the token gives exactly its roles, or none. */
import { keycloak } from 'express-session-oidc'
import type { TestFaults } from 'express-session-oidc/testing'
import { CompactSign, exportJWK, generateKeyPair, type CryptoKey } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OidcError } from '../../lib/core/errors.ts'
import { verifyOwnAccessToken } from '../../lib/tokens/access-token.ts'
import { Keys } from '../../lib/tokens/key-set.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { depth } from '../support/depth.ts'
import { flow } from '../support/flow.ts'
import { directLogins, type DirectLogins } from './support/direct-login.ts'
import { bottomless, named, oddTimes, oddValues, parsed, withMember, type Odd } from './support/odd-json.ts'
import { oneLogin } from './support/one-login.ts'

const now = (): number => Math.floor(Date.now() / 1000)
const isTime = (value: unknown): value is number => typeof value === 'number'

describe('the access token of a login', () => {
  const issuer = 'https://id.example.com'
  let key: CryptoKey
  let keys: Keys
  beforeAll(async () => {
    const pair = await generateKeyPair('ES256', { extractable: true })
    key = pair.privateKey
    const jwk = await exportJWK(pair.publicKey)
    keys = new Keys(
      async () => ({ keys: [jwk] }),
      () => {},
    )
  })

  /** Whether a token is accepted. A rejection must be an `OidcError` that does not quote the token. */
  async function isRead(claim: string, ...values: (string | undefined)[]): Promise<boolean> {
    const good = { iss: issuer, sub: 'alice', azp: 'web', client_id: 'web', iat: now(), exp: now() + 300, roles: ['x'] }
    const payload = withMember(JSON.stringify(good), claim, ...values)
    const token = await new CompactSign(Buffer.from(payload)).setProtectedHeader({ alg: 'ES256' }).sign(key)
    try {
      const login = { issuer, clientId: 'web', sub: 'alice', thumbprint: undefined }
      await verifyOwnAccessToken(token, keys, { ...login, clockToleranceSeconds: 30 })
      return true
    } catch (error) {
      expect(error).toBeInstanceOf(OidcError)
      expect(error).toMatchObject({ code: 'token_invalid', status: 502 })
      expect((error as OidcError).detail).not.toContain('text')
      return false
    }
  }

  const expected: [string, (value: unknown) => boolean, Odd[]][] = [
    ['iss', (value) => value === issuer, [{ name: 'the issuer in an array', json: `["${issuer}"]` }]],
    [
      'sub',
      (value) => value === undefined || value === 'alice',
      [{ name: 'the subject in an array', json: '["alice"]' }],
    ],
    [
      'azp',
      (value) => value === undefined || value === 'web',
      [{ name: 'the client id in an array', json: '["web"]' }],
    ],
    [
      'client_id',
      (value) => value === undefined || value === 'web',
      [{ name: 'the client id in an array', json: '["web"]' }],
    ],
    ['exp', (value) => isTime(value) && value > now() - 30, oddTimes()],
    ['nbf', (value) => value === undefined || (isTime(value) && value <= now() + 30), oddTimes()],
    ['iat', (value) => value === undefined || isTime(value), oddTimes()],
    ['aud', () => true, []],
    ['scope', () => true, []],
  ]

  it.each(expected)('accepts an access token exactly when its %s claim is valid', async (claim, reads, more) => {
    for (const { name, json } of [...oddValues, ...more, { name: 'too deep', json: bottomless }]) {
      expect({ name, isRead: await isRead(claim, json) }).toEqual({ name, isRead: reads(parsed(json)) })
    }
  })

  it.each([
    ['iss', '"https://other.example"'],
    ['sub', '"mallory"'],
    ['azp', '"other"'],
    ['client_id', '"other"'],
    ['exp', '1000'],
  ])('uses the last value of a duplicate %s claim in an access token', async (claim, other) => {
    const good = { iss: issuer, sub: 'alice', azp: 'web', client_id: 'web', exp: now() + 300 }
    const own = JSON.stringify(good[claim as keyof typeof good])
    expect(await isRead(claim, own, other)).toBe(false)
    expect(await isRead(claim, other, own)).toBe(true)
  })
})

describe('Keycloak roles', () => {
  const realm = flow({ path: '/realms/acme' })
  let app: TestApp
  let direct: DirectLogins
  beforeAll(async () => {
    const options = { provider: keycloak({ url: realm.provider.url, realm: 'acme', client: 'web' }) }
    direct = directLogins(realm.provider, { options })
    app = await startApp({ provider: realm.provider, options, session: { store: realm.store() } })
  })
  afterAll(() => app.stop())
  type Members = Readonly<Record<string, string | undefined>>

  function faults(members: Members): TestFaults {
    return {
      accessToken: {
        payload: (token) => Object.entries(members).reduce((text, [name, json]) => withMember(text, name, json), token),
      },
    }
  }

  /** The roles of a login whose access token has these members. */
  async function roles(members: Members): Promise<readonly string[]> {
    const outcome = await direct.login(faults(members))
    if (outcome.how !== 'login') throw new Error(`refused: ${outcome.code} ${outcome.detail}`)
    return outcome.entry.roles
  }

  /** The same as `roles()`, but through an application. */
  async function shownRoles(members: Members): Promise<readonly string[]> {
    realm.provider.misbehave(faults(members))
    const outcome = await oneLogin(app, realm.redis.client, realm.provider)
    realm.provider.behave()
    if (outcome.how !== 'login') throw new Error(`refused: ${outcome.code} ${outcome.detail}`)
    expect(outcome.profile['roles']).toEqual(outcome.entry.roles)
    return outcome.entry.roles
  }

  // The value with __proto__ is what a client of that name would have; a test below covers it.
  const others = oddValues.filter(({ json }) => !json?.startsWith('{"__proto__"'))
  it.each(named(others))('reads no roles if realm_access and resource_access are %s', async (_name, json) => {
    expect(await roles({ realm_access: json, resource_access: json })).toEqual([])
  })

  const listed = (json: string | undefined): Members => {
    const access = withMember('{}', 'roles', json)
    return { realm_access: access, resource_access: `{"web":${access},"orders":${access}}` }
  }
  const expected = (json: string | undefined): string[] => {
    const value = parsed(json)
    const texts = Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
    return texts.flatMap((text) => [`orders:${text}`, text, `web:${text}`])
  }

  it.each(named(oddValues))('reads only strings as roles if the lists of roles are %s', async (_name, json) => {
    expect([...(await roles(listed(json)))].toSorted()).toEqual(expected(json))
  })

  it('gives the application the roles of the login record', async () => {
    const shown = ['missing', 'a string', 'an array with null', 'an array of one string', 'an object with __proto__']
    for (const { json } of depth() === 'deep' ? oddValues : oddValues.filter(({ name }) => shown.includes(name))) {
      expect([...(await shownRoles(listed(json)))].toSorted()).toEqual(expected(json))
    }
    expect(await shownRoles({ realm_access: undefined, resource_access: undefined })).toEqual([])
  })

  it('keeps the roles of clients named __proto__, constructor and toString under those names', async () => {
    const access = '{"roles":["admin"]}'
    const clients = `{"__proto__":${access},"constructor":${access},"toString":${access}}`
    expect([...(await roles({ realm_access: undefined, resource_access: clients }))].toSorted()).toEqual([
      '__proto__:admin',
      'constructor:admin',
      'toString:admin',
    ])
  })

  it('reads no roles from a __proto__ member', async () => {
    const inherited = '{"__proto__":{"roles":["admin"]}}'
    expect(await roles({ realm_access: inherited, resource_access: `{"web":${inherited}}` })).toEqual([])
  })

  it('reads 10,000 roles', async () => {
    const many = JSON.stringify({ roles: Array.from({ length: 10_000 }, (_, n) => `role-${n}`) })
    expect(await roles({ realm_access: many, resource_access: undefined })).toHaveLength(10_000)
  })
})
