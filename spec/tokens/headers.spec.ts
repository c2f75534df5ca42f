/** The header of an ID token: it cannot make a key trusted, and an invalid value of a header that is used is rejected. */
import { createServer } from 'node:http'
import { KeyObject, sign } from 'node:crypto'
import { exportJWK, generateKeyPair } from 'jose'
import type { TestFaults } from 'express-session-oidc/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { close, listen, startApp, type TestApp } from '../support/app.ts'
import { depth } from '../support/depth.ts'
import { flow } from '../support/flow.ts'
import { withId } from '../support/ids.ts'
import { directLogins, type DirectLogins, type DirectOutcome } from './support/direct-login.ts'
import { named, oddValues, parsed, withMember, type Odd } from './support/odd-json.ts'
import { oneLogin, type Outcome } from './support/one-login.ts'

const world = flow({ algorithm: 'RS256' })
let app: TestApp
let direct: DirectLogins
let attacker: KeyObject
let attackerJwk: Record<string, unknown>
beforeAll(async () => {
  direct = directLogins(world.provider)
  app = await startApp({ provider: world.provider, session: { store: world.store() } })
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  attacker = KeyObject.from(privateKey)
  attackerJwk = { ...(await exportJWK(publicKey)), alg: 'RS256', use: 'sig' }
})
afterAll(() => app.stop())

const odd = (name: string, value: unknown): Odd => ({ name, json: JSON.stringify(value) })

/** Replaces the header of the ID token. Signs the token again only if a key is given, such as the attacker's. */
function reheaded(change: (header: string) => string, key?: KeyObject): TestFaults {
  return {
    idToken: {
      raw(token) {
        const [header = '', payload = '', signature = ''] = token.split('.')
        const changed = encoded(change(Buffer.from(header, 'base64url').toString()))
        if (!key) return `${changed}.${payload}.${signature}`
        return `${changed}.${payload}.${sign('sha256', Buffer.from(`${changed}.${payload}`), key).toString('base64url')}`
      },
    },
  }
}

function tried(change: (header: string) => string, key?: KeyObject): Promise<DirectOutcome> {
  return direct.login(reheaded(change, key))
}

/** Logs a new visitor in through an application. */
function journey(faults: TestFaults): Promise<Outcome> {
  world.provider.misbehave(faults)
  return oneLogin(app, world.redis.client, world.provider)
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64url')
}

/** Replaces members of the header of an ID token, whose signature is valid. */
function signedWith(members: readonly string[], json: string | undefined): TestFaults {
  return {
    idToken: {
      header: (header) =>
        JSON.parse(members.reduce((text, member) => withMember(text, member, json), JSON.stringify(header))),
    },
  }
}

/** Infinity is left out: the header is serialized again, which turns it into null. */
const values = oddValues.filter(({ json }) => !json?.includes('1e999'))

describe.each<[string, (value: unknown) => boolean, Odd[]]>([
  [
    'alg',
    () => false,
    [
      withId('headers-1', 'none'),
      withId('headers-2', 'None'),
      withId('headers-3', 'NONE'),
      'rs256',
      'RS256 ',
      'HS256',
      'ES256',
    ].map((alg) => odd(alg, alg)),
  ],
  // If the key set has one key, a token without kid is verified with it.
  ['kid', (value) => value === undefined, []],
  ['crit', (value) => value === undefined, [odd('exp', ['exp']), odd('b64', ['b64']), odd('alg', ['alg'])]],
])('the header parameter %s of an ID token', (member, accepts, more) => {
  const all = [...values, ...more]
  const expected = (json: string | undefined): object =>
    accepts(parsed(json)) ? { how: 'login' } : { how: 'refused', status: 502 }

  it.each(named(all))(
    'accepts the ID token only if the header parameter is valid: %s',
    { meta: { id: 'headers-4' } },
    async (_name, json) => {
      expect(await direct.login(signedWith([member], json))).toMatchObject(expected(json))
    },
  )

  it('logs a browser in only if the header parameter is valid', async () => {
    for (const { json } of depth() === 'deep' ? all : [...all.slice(0, 2), ...all.slice(-1)]) {
      expect(await journey(signedWith([member], json))).toMatchObject(expected(json))
      world.provider.behave()
    }
  })
})

describe('unused header parameters of an ID token', () => {
  const unread = [
    'typ',
    'cty',
    'jku',
    'jwk',
    'x5u',
    'x5c',
    'x5t',
    'x5t#S256',
    'zip',
    'enc',
    'p2c',
    'epk',
    'url',
    'nonce',
  ]
  it.each(named(values))(
    'ignores the unused header parameters of an ID token if all of them are %s',
    async (_name, json) => {
      expect(await direct.login(signedWith(unread, json))).toMatchObject({ how: 'login', entry: { sub: 'alice' } })
    },
  )

  it('logs a browser in whatever the unused header parameters are', async () => {
    for (const { json } of depth() === 'deep' ? values : values.filter(({ name }) => name.startsWith('an object'))) {
      expect(await journey(signedWith(unread, json))).toMatchObject({ how: 'login', entry: { sub: 'alice' } })
      world.provider.behave()
    }
  })
})

describe('a key in the header of an ID token', () => {
  it('rejects an ID token signed with the key in its jwk header', { meta: { id: 'headers-5' } }, async () => {
    const outcome = await tried((header) => withMember(header, 'jwk', JSON.stringify(attackerJwk)), attacker)
    expect(outcome).toMatchObject({ how: 'refused', code: 'token_invalid' })
  })

  it('rejects an ID token signed with an unknown key, with an x5c header', async () => {
    const outcome = await tried((header) => withMember(header, 'x5c', '["AAAA"]'), attacker)
    expect(outcome).toMatchObject({ how: 'refused', code: 'token_invalid' })
  })

  it.each(['jku', 'x5u'])(
    'neither fetches nor uses a key at the URL in the %s header',
    { meta: { id: 'headers-6' } },
    async (member) => {
      let requested = 0
      const server = createServer((_req, res) => {
        requested++
        res.setHeader('Content-Type', 'application/json')
        res.end(JSON.stringify({ keys: [attackerJwk] }))
      })
      const url = await listen(server)
      const outcome = await tried((header) => withMember(header, member, JSON.stringify(`${url}/keys`)), attacker)
      await close(server)
      expect(outcome).toMatchObject({ how: 'refused', code: 'token_invalid' })
      expect(requested).toBe(0)
    },
  )

  it('does not log a browser in with the key in the jwk header', async () => {
    const brought = reheaded((header) => withMember(header, 'jwk', JSON.stringify(attackerJwk)), attacker)
    expect(await journey(brought)).toMatchObject({ how: 'refused', code: 'token_invalid' })
  })

  it.each(['../../../dev/null', "' OR '1'='1", '/proc/self/environ', 'http://127.0.0.1:1/'])(
    'rejects an ID token signed with an unknown key, with the kid %j',
    async (kid) => {
      const outcome = await tried((header) => withMember(header, 'kid', JSON.stringify(kid)), attacker)
      expect(outcome).toMatchObject({ how: 'refused', code: 'token_invalid' })
    },
  )
})

describe('an invalid header of an ID token', () => {
  it.each<[string, (header: string) => string]>([
    ['empty', () => ''],
    ['not JSON', () => 'alg=RS256'],
    ['null', () => 'null'],
    ['an array', () => '["RS256"]'],
    ['a string', () => '"RS256"'],
    ['truncated JSON', (header) => header.slice(0, -1)],
    ['an object with two alg members, none last', (header) => withMember(header, 'alg', '"RS256"', '"none"')],
    ['an object with two alg members, none first', (header) => withMember(header, 'alg', '"none"', '"RS256"')],
    ['an object with alg in its __proto__ member', () => '{"__proto__":{"alg":"RS256"}}'],
  ])('rejects an ID token whose header is %s', async (_name, change) => {
    const outcome = await tried(change)
    expect(outcome).toMatchObject({ how: 'refused', status: 502 })
  })

  it('does not log a browser in if the header of the ID token is null', async () => {
    expect(await journey(reheaded(() => 'null'))).toMatchObject({ how: 'refused', status: 502 })
  })
})

// White space and padding at the end are not tested: they are other spellings of the same bytes.
describe('a malformed ID token', () => {
  it.each<[string, (token: string) => string]>([
    ['with a line break', (token) => `${token.slice(0, 40)}\n${token.slice(40)}`],
    ['with an extra part', (token) => `${token}.AAAA`],
    ['with a missing part', (token) => token.slice(0, token.lastIndexOf('.'))],
    ['with an empty signature', (token) => token.slice(0, token.lastIndexOf('.') + 1)],
    ['in the base64 alphabet', (token) => `${token.slice(0, -4)}+/+/`],
    ['that continues after a NUL', (token) => `${token}\0x`],
    ['in JSON serialization', (token) => JSON.stringify({ payload: token.split('.')[1], signatures: [] })],
    ['that begins with Bearer', (token) => `Bearer ${token}`],
    ['with full-width digits', (token) => token.replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit)))],
  ])('rejects an ID token %s', async (_name, raw) => {
    expect(await direct.login({ idToken: { raw } })).toMatchObject({ how: 'refused', status: 502 })
  })

  it('does not log a browser in with a malformed ID token', async () => {
    const faults = { idToken: { raw: (token: string) => `${token}.AAAA` } }
    expect(await journey(faults)).toMatchObject({ how: 'refused', status: 502 })
  })
})
