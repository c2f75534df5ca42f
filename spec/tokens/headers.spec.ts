/** The header of an ID token: nothing in it says which key to trust, nor may anything in it be wrong and taken. */
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
  attacker = KeyObject.from(privateKey as never)
  attackerJwk = { ...(await exportJWK(publicKey)), alg: 'RS256', use: 'sig' }
})
afterAll(() => app.stop())

const odd = (name: string, value: unknown): Odd => ({ name, json: JSON.stringify(value) })

/** An ID token whose header is another text, signed for it by the attacker's key or, by default, not anew. */
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

/** A login of a new visitor through an application. */
function journey(faults: TestFaults): Promise<Outcome> {
  world.provider.misbehave(faults)
  return oneLogin(app, world.redis.client, world.provider)
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64url')
}

/** An ID token well signed, members of whose header are something else. */
function signedWith(members: readonly string[], json: string | undefined): TestFaults {
  return {
    idToken: {
      header: (header) =>
        JSON.parse(members.reduce((text, member) => withMember(text, member, json), JSON.stringify(header))),
    },
  }
}

/** Values of headers are those that survive being parsed: what JSON writes as Infinity is null there. */
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
  // A key set of one key serves a token that names none.
  ['kid', (value) => value === undefined, []],
  ['crit', (value) => value === undefined, [odd('exp', ['exp']), odd('b64', ['b64']), odd('alg', ['alg'])]],
])('the header %s of an ID token', (member, accepts, more) => {
  const all = [...values, ...more]
  const expected = (json: string | undefined): object =>
    accepts(parsed(json)) ? { how: 'login' } : { how: 'refused', status: 502 }

  it.each(named(all))(
    'being %s is refused where it is not as it should be',
    { meta: { id: 'headers-4' } },
    async (_name, json) => {
      expect(await direct.login(signedWith([member], json))).toMatchObject(expected(json))
    },
  )

  it('logs a browser in where it is as it should be, and else not', async () => {
    for (const { json } of depth() === 'deep' ? all : [...all.slice(0, 2), ...all.slice(-1)]) {
      expect(await journey(signedWith([member], json))).toMatchObject(expected(json))
      world.provider.behave()
    }
  })
})

describe('headers of an ID token that nobody reads', () => {
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
  it.each(named(values))('all being %s change nothing', async (_name, json) => {
    expect(await direct.login(signedWith(unread, json))).toMatchObject({ how: 'login', slot: { sub: 'alice' } })
  })

  it('log a browser in', async () => {
    for (const { json } of depth() === 'deep' ? values : values.filter(({ name }) => name.startsWith('an object'))) {
      expect(await journey(signedWith(unread, json))).toMatchObject({ how: 'login', slot: { sub: 'alice' } })
      world.provider.behave()
    }
  })
})

describe('a key that the token itself brings', () => {
  it('in jwk is not used', { meta: { id: 'headers-5' } }, async () => {
    const outcome = await tried((header) => withMember(header, 'jwk', JSON.stringify(attackerJwk)), attacker)
    expect(outcome).toMatchObject({ how: 'refused', code: 'token_invalid' })
  })

  it('in x5c is not used', async () => {
    const outcome = await tried((header) => withMember(header, 'x5c', '["AAAA"]'), attacker)
    expect(outcome).toMatchObject({ how: 'refused', code: 'token_invalid' })
  })

  it.each(['jku', 'x5u'])('by way of %s is neither fetched nor used', { meta: { id: 'headers-6' } }, async (member) => {
    let asked = 0
    const server = createServer((_req, res) => {
      asked++
      res.setHeader('Content-Type', 'application/json')
      res.end(JSON.stringify({ keys: [attackerJwk] }))
    })
    const url = await listen(server)
    const outcome = await tried((header) => withMember(header, member, JSON.stringify(`${url}/keys`)), attacker)
    await close(server)
    expect(outcome).toMatchObject({ how: 'refused', code: 'token_invalid' })
    expect(asked).toBe(0)
  })

  it('logs no browser in', async () => {
    const brought = reheaded((header) => withMember(header, 'jwk', JSON.stringify(attackerJwk)), attacker)
    expect(await journey(brought)).toMatchObject({ how: 'refused', code: 'token_invalid' })
  })

  it.each(['../../../dev/null', "' OR '1'='1", '/proc/self/environ', 'http://127.0.0.1:1/'])(
    'by a kid of %j is not found',
    async (kid) => {
      const outcome = await tried((header) => withMember(header, 'kid', JSON.stringify(kid)), attacker)
      expect(outcome).toMatchObject({ how: 'refused', code: 'token_invalid' })
    },
  )
})

describe('a header of an ID token that is none', () => {
  it.each<[string, (header: string) => string]>([
    ['empty', () => ''],
    ['no JSON', () => 'alg=RS256'],
    ['null', () => 'null'],
    ['a list', () => '["RS256"]'],
    ['a text', () => '"RS256"'],
    ['broken off', (header) => header.slice(0, -1)],
    ['of two alg, none the last', (header) => withMember(header, 'alg', '"RS256"', '"none"')],
    ['of two alg, none the first', (header) => withMember(header, 'alg', '"none"', '"RS256"')],
    ['with a prototype that has its alg', () => '{"__proto__":{"alg":"RS256"}}'],
  ])('%s is refused', async (_name, change) => {
    const outcome = await tried(change)
    expect(outcome).toMatchObject({ how: 'refused', status: 502 })
  })

  it('logs no browser in', async () => {
    expect(await journey(reheaded(() => 'null'))).toMatchObject({ how: 'refused', status: 502 })
  })
})

// White space and padding at the end are not here: they are the same bytes, spelt otherwise.
describe('an ID token in another form', () => {
  it.each<[string, (token: string) => string]>([
    ['with a line break within', (token) => `${token.slice(0, 40)}\n${token.slice(40)}`],
    ['with a part more', (token) => `${token}.AAAA`],
    ['with a part less', (token) => token.slice(0, token.lastIndexOf('.'))],
    ['with an empty signature', (token) => token.slice(0, token.lastIndexOf('.') + 1)],
    ['in the alphabet of base64', (token) => `${token.slice(0, -4)}+/+/`],
    ['with characters after a NUL', (token) => `${token}\0x`],
    ['as JSON serialization', (token) => JSON.stringify({ payload: token.split('.')[1], signatures: [] })],
    ['with Bearer before it', (token) => `Bearer ${token}`],
    ['in full-width digits', (token) => token.replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit)))],
  ])('%s is refused', async (_name, raw) => {
    expect(await direct.login({ idToken: { raw } })).toMatchObject({ how: 'refused', status: 502 })
  })

  it('logs no browser in', async () => {
    const faults = { idToken: { raw: (token: string) => `${token}.AAAA` } }
    expect(await journey(faults)).toMatchObject({ how: 'refused', status: 502 })
  })
})
