/**
 * Every member that is read from token responses and userinfo responses: missing, of every type, huge and duplicated. The
 * outcome is a correct login or an error of the package. All cases go to the code that finishes a login. Some of each kind
 * also go through an application, and with `DEPTH=deep` all of them do.
 */
import type { TestFaults } from 'express-session-oidc/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { LoginEntry } from '../../lib/store/login-entry.ts'
import { getContext, startApp, type TestApp } from '../support/app.ts'
import { depth } from '../support/depth.ts'
import { flow } from '../support/flow.ts'
import { directLogins, type DirectLogins, type DirectOutcome } from '../tokens/support/direct-login.ts'
import { bottomless, named, oddValues, parsed, withMember, type Odd } from '../tokens/support/odd-json.ts'
import { oneLogin, type Outcome } from '../tokens/support/one-login.ts'

const world = flow()

type Edit = (json: string) => string

/** Edits the texts of responses on their way, by the path of the endpoint. */
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
    options: { fetch: altering, userInfo: true, afterLogin: (_req, login) => void tokens.push(login.tokens) },
    routes: (express) => {
      express.get('/tokens', (req, res, next) => {
        getContext(req)
          .tokens()
          .then((set) => void res.json(set), next)
      })
    },
  })
}

let app: TestApp
let direct: DirectLogins
beforeAll(async () => {
  direct = directLogins(world.provider, {
    options: { userInfo: true },
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

/** A login in which the response at this path is edited. */
function tried(path: string, edit: Edit, faults: TestFaults = {}): Promise<DirectOutcome> {
  edits = { [path]: edit }
  return direct.login(faults)
}

/** The same as `tried()`, but through an application, by a new visitor. */
async function journey(path: string, edit: Edit, faults: TestFaults = {}): Promise<Outcome> {
  edits = { [path]: edit }
  tokens.length = 0
  world.provider.misbehave(faults)
  const outcome = await oneLogin(app, world.redis.client, world.provider)
  world.provider.behave()
  return outcome
}

/** Text that a header may contain: RFC 6749 A.12 permits no other characters in an access token. */
const isVisible = (value: unknown): boolean => isText(value) && /^[\x20-\x7e]+$/.test(value)

/** Seconds as openid-client reads them: it accepts text that begins with a number, because many providers send strings. */
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
      ...['-0', '0.001', '1e-300', '3600', '31536000', '315360000000', '1e15', '1e22'].map((json) => ({
        name: json,
        json,
      })),
      ...['3600', '3600s', ' 3600', '1 hour', '0x10', '-1', '1e999'].map((text) => odd(`the string ${text}`, text)),
    ],
  ],
  ['refresh_token', (value) => value === undefined || isText(value), []],
  ['scope', (value) => value === undefined || typeof value === 'string', [odd('odd words', 'openid "\\" \u00e4')]],
  ['id_token', () => false, []],
])('%s in a token response', (member, accepts, more) => {
  // A header loses these spaces, so no provider could recognize such a token.
  const values = [...oddValues, ...more].filter(
    ({ name }) => !(member === 'access_token' && name === 'a string of spaces'),
  )
  const edit =
    (json: string | undefined): Edit =>
    (text) =>
      withMember(text, member, json)

  /** The provider would reject an unknown token at userinfo, so it is made to issue this one. */
  function faults(json: string | undefined): TestFaults {
    const value = parsed(json)
    return member === 'access_token' && isText(value) ? { accessToken: { raw: value } } : {}
  }

  function holds(outcome: DirectOutcome | Outcome, json: string | undefined): void {
    expect(outcome.how).toBe(accepts(parsed(json)) ? 'login' : 'refused')
    if (outcome.how === 'login') expect(outcome.entry.sub).toBe('alice')
  }

  function isKept(kept: Record<string, unknown>, handed: object | undefined, entry: LoginEntry, value: unknown): void {
    // The stored tokens read back as JSON gives them.
    expect(kept).toEqual(JSON.parse(JSON.stringify(handed)))
    if (member === 'refresh_token') expect(kept['refreshToken']).toBe(value)
    if (member === 'access_token') expect(kept['accessToken']).toBe(value)
    if (member === 'token_type') expect(kept['tokenType']).toBe('bearer')
    if (member === 'expires_in') expect(kept['expiresAt']).toBe(entry.accessTokenEndsAt)
  }

  it.each(named(values))(
    'logs in and stores the tokens only if the member is valid: %s',
    { meta: { id: 'members-1' } },
    async (_name, json) => {
      const outcome = await tried('/token', edit(json), faults(json))
      holds(outcome, json)
      if (outcome.how !== 'login') return
      const stored = JSON.parse(JSON.stringify(outcome.stored)) as Record<string, unknown>
      isKept(stored, outcome.handed, outcome.entry, parsed(json))
    },
  )

  it('logs a browser in, with tokens that can be read back, only if the member is valid', async () => {
    const ofBoth = [true, false].flatMap((good) =>
      values.filter(({ json }) => accepts(parsed(json)) === good).slice(0, 2),
    )
    for (const { json } of depth() === 'deep' ? values : ofBoth) {
      const outcome = await journey('/token', edit(json), faults(json))
      holds(outcome, json)
      if (outcome.how !== 'login') continue
      isKept((await outcome.agent.fetch('/tokens')).json(), tokens[0], outcome.entry, parsed(json))
    }
  })
})

describe('a token response', () => {
  it.each(['access_token', 'token_type', 'refresh_token', 'scope', 'expires_in', 'id_token'])(
    'uses the last of two %s members of a token response',
    async (member) => {
      const twice =
        (place: 'first' | 'last'): Edit =>
        (text) => {
          const own = JSON.stringify((JSON.parse(text) as Record<string, unknown>)[member])
          return withMember(text, member, ...(place === 'first' ? ['[]', own] : [own, '[]']))
        }
      expect(await tried('/token', twice('first'))).toMatchObject({ how: 'login', entry: { sub: 'alice' } })
      expect(await tried('/token', twice('last'))).toMatchObject({ how: 'refused', status: 502 })
    },
  )

  it.each(['error', '__proto__', 'constructor', 'toString', 'then', 'length', 'default'])(
    'ignores a member %s of a token response, whatever its value',
    async (member) => {
      for (const json of ['"text"', 'null', '{"access_token":"other"}', '[]', '1e999', bottomless]) {
        const outcome = await tried('/token', (text) => withMember(text, member, json))
        expect(outcome).toMatchObject({ how: 'login', entry: { sub: 'alice' } })
      }
    },
  )

  it('logs a browser in despite additional or duplicate members of a token response', async () => {
    for (const member of ['error', '__proto__']) {
      const edit: Edit = (text) => withMember(text, member, '{"access_token":"other"}')
      expect(await journey('/token', edit)).toMatchObject({ how: 'login', entry: { sub: 'alice' } })
    }
    const twice: Edit = (text) => {
      const own = JSON.stringify((JSON.parse(text) as Record<string, unknown>)['access_token'])
      return withMember(text, 'access_token', '[]', own)
    }
    expect(await journey('/token', twice)).toMatchObject({ how: 'login', entry: { sub: 'alice' } })
  })

  it.each([
    ['not an object', 'null', 'provider_response_invalid'],
    ['not JSON', '<html>', 'provider_unavailable'],
    ['too large', `{"else":"${'x'.repeat(2_000_000)}"}`, 'provider_unavailable'],
  ])('does not log a browser in if the token response is %s', async (_name, text, code) => {
    expect(await journey('/token', () => text)).toMatchObject({ how: 'refused', code })
  })

  it('ignores members of a token response that are inside a __proto__ member', async () => {
    const outcome = await tried('/token', (text) => `{"__proto__":${text}}`)
    expect(outcome).toMatchObject({ how: 'refused', status: 502 })
  })

  it.each([
    ['a refresh token of 300 kB', 'refresh_token', 300_000],
    ['a scope of 300 kB', 'scope', 300_000],
  ])('accepts a token response with %s', async (_name, member, length) => {
    const outcome = await tried('/token', (text) => withMember(text, member, JSON.stringify('x'.repeat(length))))
    expect(outcome).toMatchObject({ how: 'login' })
  })

  it.each(['access_token', 'refresh_token', 'scope', 'id_token', 'token_type', 'expires_in', 'else'])(
    'throws provider_unavailable for a token response with a member %s of two megabytes',
    { meta: { id: 'members-2' } },
    async (member) => {
      const outcome = await tried('/token', (text) => withMember(text, member, JSON.stringify('x'.repeat(2_000_000))))
      expect(outcome).toMatchObject({ how: 'refused', code: 'provider_unavailable' })
    },
  )

  it.each([
    ...['null', '5', '"text"', '[]', '[{}]', '{}'].map((json) => [json, json] as const),
    ['100 000 nested arrays', bottomless] as const,
  ])('rejects %s as a token response', async (_name, json) => {
    expect(await tried('/token', () => json)).toMatchObject({ how: 'refused', status: 502 })
  })

  it.each(['', ' ', '{', 'access_token=x&token_type=bearer', '<html>'])(
    'throws provider_unavailable for the token response %j, which is not JSON',
    async (text) => {
      expect(await tried('/token', () => text)).toMatchObject({ how: 'refused', code: 'provider_unavailable' })
    },
  )
})

/** Members of a userinfo response that may have any value. */
const free = [
  '',
  ...`iss aud exp iat nonce azp sid acr auth_time roles scope realm_access name email address constructor
  toString toJSON hasOwnProperty then length`.split(/\s+/),
]

describe('a userinfo response', () => {
  it.each(named(oddValues))(
    'rejects a userinfo response whose subject is %s',
    { meta: { id: 'members-3' } },
    async (_name, json) => {
      const outcome = await tried('/userinfo', (text) => withMember(text, 'sub', json))
      expect(outcome).toMatchObject({ how: 'refused', code: 'token_invalid' })
    },
  )

  it.each(named(oddValues))(
    'does not let userinfo replace a claim of the ID token if all other members are %s',
    async (_name, json) => {
      const outcome = await tried('/userinfo', (text) =>
        free.reduce((all, member) => withMember(all, member, json), text),
      )
      expect(outcome).toMatchObject({
        how: 'login',
        entry: { sub: 'alice', issuer: world.provider.issuer, roles: ['admin', 'user'], user: { name: 'Alice Adams' } },
      })
    },
  )

  it('logs a browser in only if the userinfo response is about the user', async () => {
    const all: Edit = (text) => free.reduce((text, member) => withMember(text, member, '["text"]'), text)
    const entry = {
      sub: 'alice',
      issuer: world.provider.issuer,
      roles: ['admin', 'user'],
      user: { name: 'Alice Adams' },
    }
    expect(await journey('/userinfo', all)).toMatchObject({ how: 'login', entry })
    for (const json of [undefined, '["alice"]', '"text"']) {
      const outcome = await journey('/userinfo', (text) => withMember(text, 'sub', json))
      expect(outcome).toMatchObject({ how: 'refused', code: 'token_invalid' })
    }
    expect(await journey('/userinfo', () => 'null')).toMatchObject({ how: 'refused', status: 502 })
  })

  it('a __proto__ member of userinfo adds nothing to a copy of the user', async () => {
    const outcome = await tried('/userinfo', (text) => withMember(text, '__proto__', '{"isAdmin":true}'))
    if (outcome.how !== 'login') throw new Error(outcome.detail)
    expect(Object.assign({}, outcome.entry.user)).not.toHaveProperty('isAdmin')
  })

  it('uses the last of two subjects of a userinfo response', async () => {
    const twice = (...values: string[]): Promise<DirectOutcome> =>
      tried('/userinfo', (text) => withMember(text, 'sub', ...values))
    expect(await twice('"mallory"', '"alice"')).toMatchObject({ how: 'login', entry: { sub: 'alice' } })
    expect(await twice('"alice"', '"mallory"')).toMatchObject({ how: 'refused', code: 'token_invalid' })
  })

  it.each(['null', '5', '"alice"', '[]', '[{"sub":"alice"}]', '{}', '{"__proto__":{"sub":"alice"}}'])(
    'rejects %s as a userinfo response',
    { meta: { id: 'members-4' } },
    async (json) => {
      expect(await tried('/userinfo', () => json)).toMatchObject({ how: 'refused', status: 502 })
    },
  )

  it('accepts a userinfo response of 300 kB, and throws provider_unavailable for two megabytes', async () => {
    const sized = (size: number): Promise<DirectOutcome> =>
      tried('/userinfo', (text) => withMember(text, 'picture', JSON.stringify('x'.repeat(size))))
    expect(await sized(300_000)).toMatchObject({ how: 'login' })
    expect(await sized(2_000_000)).toMatchObject({ how: 'refused', code: 'provider_unavailable' })
  })

  it('either logs in or rejects if userinfo is too deeply nested to serialize', async () => {
    await tried('/userinfo', (text) => withMember(text, 'groups', bottomless))
  })
})
