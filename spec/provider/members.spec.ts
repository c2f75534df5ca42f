/**
 * Every member that is read of the provider's answers (token response, userinfo, metadata, key set), missing, of every
 * type, huge and duplicated: a login that is right, or a refusal of ours. All of them go to the code that finishes a login,
 * some of each class through an application; all of those do with `DEPTH=deep`.
 */
import type { TestFaults } from 'express-session-oidc/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Slot } from '../../lib/store/slot.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { depth } from '../support/depth.ts'
import { flow } from '../support/flow.ts'
import { directLogins, type DirectLogins, type DirectOutcome } from '../tokens/support/direct-login.ts'
import { bottomless, named, oddValues, parsed, withMember, type Odd } from '../tokens/support/odd-json.ts'
import { oneLogin, type Outcome } from '../tokens/support/one-login.ts'

const world = flow()

type Edit = (json: string) => string

/** What is done to the text of an answer on its way, by the path of its endpoint. */
let edits: Readonly<Record<string, Edit>> = {}

const altering: typeof fetch = async (input, init) => {
  const url = input as string
  const answer = await fetch(url, init)
  const edit = edits[new URL(url).pathname]
  if (!edit) return answer
  return new Response(edit(await answer.text()), { status: answer.status, headers: answer.headers })
}

const tokens: { accessToken: string; tokenType: string; expiresAt: number | undefined; refreshToken: unknown }[] = []

function start(): Promise<TestApp> {
  return startApp({
    provider: world.provider,
    session: { store: world.store() },
    options: { fetch: altering, userInfo: 'login', afterLogin: (_req, login) => void tokens.push(login.tokens) },
    routes: (express) => {
      express.get('/tokens', (req, res, next) => {
        req.oidc.tokens().then((set) => void res.json(set), next)
      })
    },
  })
}

let app: TestApp
let direct: DirectLogins
beforeAll(async () => {
  direct = directLogins(world.provider, {
    options: { userInfo: 'login' },
    edit: (path, text) => edits[path]?.(text) ?? text,
  })
  app = await start()
})
afterAll(() => app.stop())
beforeEach(() => {
  edits = {}
  tokens.length = 0
})

const odd = (name: string, value: unknown): Odd => ({ name, json: JSON.stringify(value) })
const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** A login in which the answer at this path is edited. */
function tried(path: string, edit: Edit, faults: TestFaults = {}): Promise<DirectOutcome> {
  edits = { [path]: edit }
  return direct.login(faults)
}

/** The same through an application, by a new visitor. */
async function journey(path: string, edit: Edit, faults: TestFaults = {}): Promise<Outcome> {
  edits = { [path]: edit }
  tokens.length = 0
  world.provider.misbehave(faults)
  const outcome = await oneLogin(app, world.redis.client, world.provider)
  world.provider.behave()
  return outcome
}

/** Text that may stand in a header: RFC 6749 A.12 has no other characters in an access token. */
const isVisible = (value: unknown): boolean => isText(value) && /^[\x20-\x7e]+$/.test(value)

/** Seconds as the library reads them, which takes what begins with a number: many providers send a text. */
function seconds(value: unknown): number {
  try {
    return typeof value === 'number' ? value : parseFloat(String(value))
  } catch {
    return Number.NaN
  }
}

describe.each<[string, (value: unknown) => boolean, Odd[]]>([
  ['access_token', isVisible, []],
  [
    'token_type',
    (value) => typeof value === 'string' && /^bearer$/i.test(value),
    ['Bearer', 'bearer', 'BEARER', 'Bearer ', 'N_A', 'mac'].map((type) => odd(type, type)),
  ],
  [
    'expires_in',
    (value) => value === undefined || (Number.isFinite(seconds(value)) && seconds(value) >= 0),
    [
      ...['0', '-0', '0.001', '1e-300', '3600', '31536000', '315360000000', '1e15', '1e22'].map((json) => ({
        name: json,
        json,
      })),
      ...['3600', '3600s', ' 3600', '1 hour', '0x10', '-1', '1e999'].map((text) => odd(`the text ${text}`, text)),
    ],
  ],
  ['refresh_token', (value) => value === undefined || isText(value), []],
  ['scope', (value) => value === undefined || typeof value === 'string', [odd('odd words', 'openid "\\" \u00e4')]],
  ['id_token', () => false, []],
])('%s in a token response', (member, accepts, more) => {
  // A header loses them, so that no provider could know such a token again.
  const values = [...oddValues, ...more].filter(
    ({ name }) => !(member === 'access_token' && name === 'a text of spaces'),
  )
  const edit =
    (json: string | undefined): Edit =>
    (text) =>
      withMember(text, member, json)

  /** What the provider does not know it refuses at userinfo, which is not the matter here. */
  function faults(json: string | undefined): TestFaults {
    const value = parsed(json)
    return member === 'access_token' && isText(value) ? { accessToken: { raw: value } } : {}
  }

  function holds(outcome: DirectOutcome | Outcome, json: string | undefined): void {
    expect(outcome.how).toBe(accepts(parsed(json)) ? 'login' : 'refused')
    if (outcome.how === 'login') expect(outcome.slot.sub).toBe('alice')
  }

  function isKept(kept: Record<string, unknown>, handed: object | undefined, slot: Slot, value: unknown): void {
    // As it was made of JSON, so it is read back.
    expect(kept).toEqual(JSON.parse(JSON.stringify(handed)))
    if (member === 'refresh_token') expect(kept['refreshToken']).toBe(value)
    if (member === 'access_token') expect(kept['accessToken']).toBe(value)
    if (member === 'token_type') expect(kept['tokenType']).toBe('bearer')
    if (member === 'expires_in') expect(kept['expiresAt']).toBe(slot.accessTokenEndsAt)
  }

  it.each(named(values))(
    'being %s is a login that is right, or a refusal',
    { meta: { id: 'members-1' } },
    async (_name, json) => {
      const outcome = await tried('/token', edit(json), faults(json))
      holds(outcome, json)
      if (outcome.how !== 'login') return
      const stored = JSON.parse(JSON.stringify(outcome.stored)) as Record<string, unknown>
      isKept(stored, outcome.handed, outcome.slot, parsed(json))
    },
  )

  it('logs a browser in where it should, with tokens that read back, and else not', async () => {
    const ofBoth = [true, false].flatMap((good) =>
      values.filter(({ json }) => accepts(parsed(json)) === good).slice(0, 2),
    )
    for (const { json } of depth() === 'deep' ? values : ofBoth) {
      const outcome = await journey('/token', edit(json), faults(json))
      holds(outcome, json)
      if (outcome.how !== 'login') continue
      isKept((await outcome.agent.fetch('/tokens')).json(), tokens[0], outcome.slot, parsed(json))
    }
  })
})

describe('a token response', () => {
  it.each(['access_token', 'token_type', 'refresh_token', 'scope', 'expires_in', 'id_token'])(
    'with %s twice is read by the last, or refused',
    async (member) => {
      const twice =
        (place: 'first' | 'last'): Edit =>
        (text) => {
          const own = JSON.stringify((JSON.parse(text) as Record<string, unknown>)[member])
          return withMember(text, member, ...(place === 'first' ? ['[]', own] : [own, '[]']))
        }
      expect(await tried('/token', twice('first'))).toMatchObject({ how: 'login', slot: { sub: 'alice' } })
      expect(await tried('/token', twice('last'))).toMatchObject({ how: 'refused', status: 502 })
    },
  )

  it.each(['error', '__proto__', 'constructor', 'toString', 'then', 'length', 'default'])(
    'with a member %s of whatever kind is a login',
    async (member) => {
      for (const json of ['"text"', 'null', '{"access_token":"other"}', '[]', '1e999', bottomless]) {
        const outcome = await tried('/token', (text) => withMember(text, member, json))
        expect(outcome).toMatchObject({ how: 'login', slot: { sub: 'alice' } })
      }
    },
  )

  it('with members that it need not have, or twice, logs a browser in', async () => {
    for (const member of ['error', '__proto__']) {
      const edit: Edit = (text) => withMember(text, member, '{"access_token":"other"}')
      expect(await journey('/token', edit)).toMatchObject({ how: 'login', slot: { sub: 'alice' } })
    }
    const twice: Edit = (text) => {
      const own = JSON.stringify((JSON.parse(text) as Record<string, unknown>)['access_token'])
      return withMember(text, 'access_token', '[]', own)
    }
    expect(await journey('/token', twice)).toMatchObject({ how: 'login', slot: { sub: 'alice' } })
  })

  it.each([
    ['no object', 'null', 'provider_response_invalid'],
    ['no JSON', '<html>', 'provider_unavailable'],
    ['larger than any answer', `{"else":"${'x'.repeat(2_000_000)}"}`, 'provider_unavailable'],
  ])('that is %s logs no browser in', async (_name, text, code) => {
    expect(await journey('/token', () => text)).toMatchObject({ how: 'refused', code })
  })

  it('that takes its members from a prototype has none', async () => {
    const outcome = await tried('/token', (text) => `{"__proto__":${text}}`)
    expect(outcome).toMatchObject({ how: 'refused', status: 502 })
  })

  it.each([
    ['a refresh token of 300 kB', 'refresh_token', 300_000],
    ['a scope of 300 kB', 'scope', 300_000],
  ])('with %s is a login', async (_name, member, length) => {
    const outcome = await tried('/token', (text) => withMember(text, member, JSON.stringify('x'.repeat(length))))
    expect(outcome).toMatchObject({ how: 'login' })
  })

  it.each(['access_token', 'refresh_token', 'scope', 'id_token', 'token_type', 'expires_in', 'else'])(
    'with %s of two megabytes is a fault of the provider',
    { meta: { id: 'members-2' } },
    async (member) => {
      const outcome = await tried('/token', (text) => withMember(text, member, JSON.stringify('x'.repeat(2_000_000))))
      expect(outcome).toMatchObject({ how: 'refused', code: 'provider_unavailable' })
    },
  )

  it.each(['null', '5', '"text"', '[]', '[{}]', '{}', bottomless])('that is %.20s is refused', async (json) => {
    expect(await tried('/token', () => json)).toMatchObject({ how: 'refused', status: 502 })
  })

  it.each(['', ' ', '{', 'access_token=x&token_type=bearer', '<html>'])(
    'that is no JSON (%j) is a fault of the provider',
    async (text) => {
      expect(await tried('/token', () => text)).toMatchObject({ how: 'refused', code: 'provider_unavailable' })
    },
  )
})

/** Members of userinfo that may be anything. */
const free = [
  '',
  ...`iss aud exp iat nonce azp sid acr auth_time roles scope realm_access name email address constructor
  toString toJSON hasOwnProperty then length`.split(/\s+/),
]

describe('a userinfo answer', () => {
  it.each(named(oddValues))(
    'about a subject that is %s is refused',
    { meta: { id: 'members-3' } },
    async (_name, json) => {
      const outcome = await tried('/userinfo', (text) => withMember(text, 'sub', json))
      expect(outcome).toMatchObject({ how: 'refused', code: 'token_invalid' })
    },
  )

  it.each(named(oddValues))(
    'all else in which is %s takes the place of no claim of the ID token',
    async (_name, json) => {
      const outcome = await tried('/userinfo', (text) =>
        free.reduce((all, member) => withMember(all, member, json), text),
      )
      expect(outcome).toMatchObject({
        how: 'login',
        slot: { sub: 'alice', issuer: world.provider.issuer, roles: ['admin', 'user'], user: { name: 'Alice Adams' } },
      })
    },
  )

  it('logs a browser in where it is about the user, and else not', async () => {
    const all: Edit = (text) => free.reduce((text, member) => withMember(text, member, '["text"]'), text)
    const slot = {
      sub: 'alice',
      issuer: world.provider.issuer,
      roles: ['admin', 'user'],
      user: { name: 'Alice Adams' },
    }
    expect(await journey('/userinfo', all)).toMatchObject({ how: 'login', slot })
    for (const json of [undefined, '["alice"]', '"text"']) {
      const outcome = await journey('/userinfo', (text) => withMember(text, 'sub', json))
      expect(outcome).toMatchObject({ how: 'refused', code: 'token_invalid' })
    }
    expect(await journey('/userinfo', () => 'null')).toMatchObject({ how: 'refused', status: 502 })
  })

  it('with __proto__ lends nothing to a copy of the user', async () => {
    const outcome = await tried('/userinfo', (text) => withMember(text, '__proto__', '{"isAdmin":true}'))
    if (outcome.how !== 'login') throw new Error(outcome.detail)
    expect(Object.assign({}, outcome.slot.user)).not.toHaveProperty('isAdmin')
  })

  it('with the subject twice is read by the last', async () => {
    const twice = (...values: string[]): Promise<DirectOutcome> =>
      tried('/userinfo', (text) => withMember(text, 'sub', ...values))
    expect(await twice('"mallory"', '"alice"')).toMatchObject({ how: 'login', slot: { sub: 'alice' } })
    expect(await twice('"alice"', '"mallory"')).toMatchObject({ how: 'refused', code: 'token_invalid' })
  })

  it.each(['null', '5', '"alice"', '[]', '[{"sub":"alice"}]', '{}', '{"__proto__":{"sub":"alice"}}'])(
    'that is %s is refused',
    { meta: { id: 'members-4' } },
    async (json) => {
      expect(await tried('/userinfo', () => json)).toMatchObject({ how: 'refused', status: 502 })
    },
  )

  it('of 300 kB is a login, and of two megabytes a fault of the provider', async () => {
    const sized = (size: number): Promise<DirectOutcome> =>
      tried('/userinfo', (text) => withMember(text, 'picture', JSON.stringify('x'.repeat(size))))
    expect(await sized(300_000)).toMatchObject({ how: 'login' })
    expect(await sized(2_000_000)).toMatchObject({ how: 'refused', code: 'provider_unavailable' })
  })

  it('with lists in lists too deep to be written is a login or a refusal', async () => {
    await tried('/userinfo', (text) => withMember(text, 'groups', bottomless))
  })
})
