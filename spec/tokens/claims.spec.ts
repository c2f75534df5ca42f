/**
 * Every claim that is read: missing, of every type, huge and duplicated. The outcome is a correct login or an error of
 * the package, never anything else. All cases go to the code that finishes a login. Some of each kind also go through an
 * application, and with `DEPTH=deep` all of them do.
 */
import type { TestFaults } from 'express-session-oidc/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LoginEntry } from '../../lib/store/login-entry.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { depth } from '../support/depth.ts'
import { flow } from '../support/flow.ts'
import { directLogins, type DirectLogins, type DirectOutcome } from './support/direct-login.ts'
import { bottomless, named, oddTimes, oddValues, parsed, withMember, type Odd } from './support/odd-json.ts'
import { oneLogin, type Outcome } from './support/one-login.ts'

const world = flow()

let app: TestApp
let direct: DirectLogins
beforeAll(async () => {
  direct = directLogins(world.provider)
  app = await startApp({ provider: world.provider, session: { store: world.store() } })
})
afterAll(() => app.stop())

const now = (): number => Math.floor(Date.now() / 1000)
const odd = (name: string, value: unknown): Odd => ({ name, json: JSON.stringify(value) })
const isTime = (value: unknown): value is number => typeof value === 'number'

type Change = (json: string) => string

/** Changes the claims of the ID token, as JSON text. The access token has no roles, because those would come first. */
function faults(change: Change): TestFaults {
  return {
    // The port of the provider is not known until it has started.
    idToken: { payload: (json) => change(json).replaceAll('$issuer', world.provider.issuer) },
    accessToken: { payload: (json) => withMember(withMember(json, 'roles', undefined), 'realm_access', undefined) },
  }
}

function tried(change: Change): Promise<DirectOutcome> {
  return direct.login(faults(change))
}

/** The same as `tried()`, but through an application, by a new visitor. */
function journey(change: Change): Promise<Outcome> {
  world.provider.misbehave(faults(change))
  return oneLogin(app, world.redis.client, world.provider)
}

/** A claim that is validated: which values are valid (`undefined` if it is missing), and additional values to try. */
interface Checked {
  readonly claim: string
  readonly accepts: (value: unknown) => boolean
  readonly more: readonly Odd[]
}

const checked: readonly Checked[] = [
  {
    claim: 'iss',
    accepts: (value) => value === world.provider.issuer,
    more: [
      odd('the issuer', '$issuer'),
      odd('the issuer in an array', ['$issuer']),
      odd('the issuer with a slash', '$issuer/'),
      odd('the issuer with a space', '$issuer '),
    ],
  },
  { claim: 'sub', accepts: (value) => typeof value === 'string' && value !== '' && value.length <= 255, more: [] },
  {
    claim: 'aud',
    // The client is the authorized party of these tokens, so it may be one audience of several (OIDC Core 3.1.3.7, 3 to 5).
    accepts: (value) => value === 'web' || (Array.isArray(value) && value.includes('web')),
    more: [
      odd('the client id', 'web'),
      odd('the client id in an array', ['web']),
      odd('the client id in a nested array', [['web']]),
      odd('the client id among values of other types', ['api', 'web', 5, null, {}]),
      odd('the client id as a member of an object', { web: 'web', 0: 'web', length: 1 }),
      odd('the client id in capitals', 'WEB'),
      odd('the client id as one of two words', 'web web2'),
    ],
  },
  { claim: 'exp', accepts: (value) => isTime(value) && value > now() - 30, more: oddTimes() },
  {
    claim: 'iat',
    accepts: (value) => isTime(value) && Number.isFinite(value) && value <= now() + 30,
    more: oddTimes(),
  },
  {
    claim: 'nbf',
    accepts: (value) => value === undefined || (isTime(value) && value <= now() + 30),
    more: oddTimes(),
  },
  { claim: 'nonce', accepts: () => false, more: [] },
  {
    claim: 'azp',
    accepts: (value) => value === undefined || value === 'web',
    more: [odd('the client id', 'web'), odd('the client id in an array', ['web'])],
  },
  {
    claim: 'auth_time',
    accepts: (value) => value === undefined || (isTime(value) && Number.isFinite(value) && value >= 0),
    more: oddTimes(),
  },
]

describe.each(checked.map((each) => [each.claim, each] as const))(
  'the ID token claim %s',
  (claim, { accepts, more }) => {
    const values = [...oddValues, ...more]
    const changed =
      (json: string | undefined): Change =>
      (token) =>
        withMember(token, claim, json)
    const isGood = (json: string | undefined): boolean =>
      accepts(parsed(json?.replaceAll('$issuer', world.provider.issuer)))

    function holds(outcome: DirectOutcome | Outcome, json: string | undefined): void {
      expect(outcome).toMatchObject(isGood(json) ? { how: 'login' } : { how: 'refused', status: 502 })
      if (outcome.how === 'login') expect(outcome.entry.sub).toBe(claim === 'sub' ? parsed(json) : 'alice')
    }

    it.each(named(values))(
      'logs the user in only if the value of the claim is valid: %s',
      { meta: { id: 'claims-1' } },
      async (_name, json) => {
        holds(await tried(changed(json)), json)
      },
    )

    it('logs a browser in only if the value of the claim is valid', async () => {
      const ofBoth = [true, false].flatMap((good) => values.filter(({ json }) => isGood(json) === good).slice(0, 2))
      for (const { json } of depth() === 'deep' ? values : ofBoth) {
        holds(await journey(changed(json)), json)
        world.provider.behave()
      }
    })
  },
)

/** Claims that may have any value: those that are read, those that are shown, and names of built-in object members. */
const free = [
  '',
  ...`acr amr sid at_hash jti typ roles groups realm_access resource_access scope name preferred_username
  email email_verified address updated_at expires_in version constructor prototype toString toJSON
  hasOwnProperty then length default 0 isAuthenticated hasLogins cookie user __proto__`.split(/\s+/),
]

describe('ID token claims that may have any value', () => {
  const changed =
    (json: string | undefined): Change =>
    (token) =>
      free.reduce((text, claim) => withMember(text, claim, json), token)

  function holds(entry: LoginEntry, json: string | undefined): void {
    const value = parsed(json)
    const list = Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
    // As `resource_access` the member __proto__ of one of these objects names a client, whose role is the prefixed one.
    const ofClient = json?.startsWith('{"__proto__"') ? ['__proto__:admin'] : []
    expect(entry.sub).toBe('alice')
    expect(entry.roles).toEqual([...list, ...ofClient])
    expect(entry.sid).toBe(typeof value === 'string' ? value : undefined)
    expect(entry.acr).toBe(typeof value === 'string' ? value : undefined)
    expect(entry.scope).toEqual(['openid', 'profile', 'email'])
  }

  it.each(named(oddValues))(
    'uses only values of the expected type if all unrestricted claims are %s',
    async (_name, json) => {
      const outcome = await tried(changed(json))
      if (outcome.how !== 'login') throw new Error(`refused: ${outcome.code} ${outcome.detail}`)
      holds(outcome.entry, json)
    },
  )

  it.each(named(oddValues))('uses only strings as roles if those of the access token are %s', async (_name, json) => {
    const ofThis: Change = (token) => withMember(withMember(token, 'realm_access', undefined), 'aud', '"web"')
    const outcome = await direct.login({
      accessToken: { payload: (token) => withMember(ofThis(token), 'roles', json) },
    })
    if (outcome.how !== 'login') throw new Error(`refused: ${outcome.code} ${outcome.detail}`)
    const value = parsed(json)
    const texts = Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
    const isAbsent = value === undefined || value === null
    expect(outcome.entry.roles).toEqual(isAbsent ? ['admin', 'user'] : texts)
  })

  const shown = [
    'missing',
    'null',
    '1e999',
    'a string with line breaks',
    'a string with NUL, a lone surrogate and a direction override',
    'an array of one string',
    'an object with __proto__',
    'an object that resembles a string',
  ]
  it.each(named(depth() === 'deep' ? oddValues : oddValues.filter(({ name }) => shown.includes(name))))(
    'logs a browser in and out if all unrestricted claims are %s',
    async (_name, json) => {
      const outcome = await journey(changed(json))
      if (outcome.how !== 'login') throw new Error(`refused: ${outcome.code} ${outcome.detail}`)
      const { entry, profile, agent } = outcome
      holds(entry, json)
      expect(profile['scope']).toEqual(['openid', 'profile', 'email'])
      await agent.get('/logout')
      expect((await agent.get('/')).text()).toBe('hello stranger')
    },
  )

  it('a claim named __proto__ adds nothing to a copy of the user', async () => {
    const outcome = await tried((token) => withMember(token, '__proto__', '{"roles":["admin"],"isAdmin":true}'))
    expect(outcome.how).toBe('login')
    if (outcome.how !== 'login') return
    expect(Object.assign({}, outcome.entry.user)).not.toHaveProperty('isAdmin')
  })
})

describe('a duplicate claim', () => {
  const others: [string, string, boolean][] = [
    ['iss', '"https://other.example"', false],
    ['sub', '"mallory"', true],
    ['aud', '"other"', false],
    ['exp', '1000', false],
    ['iat', '99999999999', false],
    ['nonce', '"other"', false],
    ['azp', '"other"', false],
    ['auth_time', '"yesterday"', false],
    ['roles', '["forged"]', true],
    ['sid', '"other"', true],
    ['name', '"Mallory"', true],
  ]
  type Row = (typeof others)[number]

  /** JSON.parse uses the last duplicate (ECMA-262 25.5.1), and every reader of the token must do the same. */
  async function lastCounts(run: (change: Change) => Promise<DirectOutcome | Outcome>, row: Row): Promise<void> {
    const [claim, other, isGood] = row
    for (const order of ['first', 'last'] as const) {
      const outcome = await run((token) => {
        const own = JSON.stringify((JSON.parse(token) as Record<string, unknown>)[claim])
        return withMember(token, claim, ...(order === 'first' ? [own, other] : [other, own]))
      })
      world.provider.behave()
      expect(outcome.how).toBe(isGood || order === 'last' ? 'login' : 'refused')
      if (outcome.how !== 'login') continue
      const { entry } = outcome
      const shown = { sub: entry.sub, roles: entry.roles, sid: entry.sid, name: entry.user['name'] }
      if (claim in shown) {
        const read = JSON.stringify(shown[claim as keyof typeof shown])
        if (order === 'first') expect(read).toBe(other)
        else expect(read).not.toBe(other)
      }
    }
  }

  it.each(others)('uses the last of two %s claims everywhere', async (...row) => {
    await lastCounts(tried, row)
  })

  const inBrowser = depth() === 'deep' ? others : others.filter(([claim]) => ['iss', 'sub', 'roles'].includes(claim))
  it.each(inBrowser)('uses the last of two %s claims in the login of a browser', async (...row) => {
    await lastCounts(journey, row)
  })
})

describe('a huge claim', () => {
  const text = (length: number): string => JSON.stringify('x'.repeat(length))

  it.each([
    ['a name of 300 kB', 'name', text(300_000)],
    ['20,000 roles', 'roles', JSON.stringify(Array.from({ length: 20_000 }, (_, n) => `role-${n}`))],
    ['20,000 objects as groups', 'groups', JSON.stringify(Array.from({ length: 20_000 }, (_, n) => ({ n })))],
    ['20,000 audiences', 'aud', JSON.stringify([...Array.from({ length: 20_000 }, (_, n) => `api-${n}`), 'web'])],
    ['a sid of 10 kB', 'sid', text(10_000)],
  ])('logs in with %s', { meta: { id: 'claims-2' } }, async (_name, claim, json) => {
    const outcome = await tried((token) => withMember(token, claim, json))
    expect(outcome).toMatchObject({ how: 'login', entry: { sub: 'alice' } })
  })

  it.each(['iss', 'sub', 'exp', 'iat', 'nbf', 'nonce', 'azp', 'auth_time'])(
    'rejects an ID token with a %s claim of 300 kB',
    async (claim) => {
      const outcome = await tried((token) => withMember(token, claim, text(300_000)))
      expect(outcome).toMatchObject({ how: 'refused', status: 502 })
      if (outcome.how === 'refused') expect(outcome.detail.length).toBeLessThan(2000)
    },
  )

  it(
    'reports an oversized token response as provider_unavailable, and the next login works',
    { meta: { id: 'claims-3' } },
    async () => {
      const outcome = await tried((token) => withMember(token, 'name', text(2_000_000)))
      expect(outcome).toMatchObject({ how: 'refused', code: 'provider_unavailable' })
      expect(await direct.login()).toMatchObject({ how: 'login' })
    },
  )

  it('logs in with 20,000 claims', async () => {
    const more = Array.from({ length: 20_000 }, (_, n) => `"claim-${n}":${n}`).join(',')
    const outcome = await tried((token) => `${token.slice(0, -1)},${more}}`)
    expect(outcome).toMatchObject({ how: 'login', entry: { sub: 'alice' } })
  })

  it('logs a browser in with a huge name or sid, and rejects a huge sub and an oversized response', async () => {
    for (const [claim, json] of [
      ['name', text(300_000)],
      ['sid', text(10_000)],
    ] as const) {
      expect(await journey((token) => withMember(token, claim, json))).toMatchObject({ how: 'login' })
      world.provider.behave()
    }
    for (const [claim, length, code] of [
      ['sub', 300_000, 'token_invalid'],
      ['name', 2_000_000, 'provider_unavailable'],
    ] as const) {
      expect(await journey((token) => withMember(token, claim, text(length)))).toMatchObject({ how: 'refused', code })
      world.provider.behave()
    }
    expect(await oneLogin(app, world.redis.client, world.provider)).toMatchObject({ how: 'login' })
  })

  it.each([...checked.map(({ claim }) => claim), 'roles', 'sid', 'name', 'else'])(
    'either logs in or rejects the login if the %s claim is too deeply nested to serialize',
    async (claim) => {
      const outcome = await tried((token) => withMember(token, claim, bottomless))
      if (outcome.how === 'login') expect(outcome.entry.sub).toBe('alice')
    },
  )
})

describe('an ID token payload without valid claims', () => {
  it.each([
    ['empty', ''],
    ['white space', ' \n'],
    ['truncated JSON', '{"iss":'],
    ['two JSON objects', '{}{}'],
    ['a string', '"alice"'],
    ['null', 'null'],
    ['a number', '5'],
    ['an array of objects', '[{"sub":"alice"}]'],
    ['an empty object', '{}'],
    ['a JavaScript object literal', '{sub: 1}'],
    ['an object after a byte order mark', '\ufeff{}'],
    ['too deeply nested to serialize', bottomless],
  ])('rejects an ID token whose payload is %s', async (_name, payload) => {
    const outcome = await tried(() => payload)
    expect(outcome).toMatchObject({ how: 'refused', status: 502 })
  })

  it.each([
    ['empty', ''],
    ['null', 'null'],
    ['too deeply nested to serialize', bottomless],
  ])('does not log a browser in if the payload of the ID token is %s', async (_name, payload) => {
    expect(await journey(() => payload)).toMatchObject({ how: 'refused', status: 502 })
  })
})
