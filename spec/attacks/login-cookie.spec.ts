/**
 * The values that carry a login in progress (its cookie, `state`, the cookie with details), modified, exchanged, planted or used
 * for another purpose, and other sealed or stored values used as these. None of them logs anybody in: the login restarts, or an
 * error page follows.
 */
import * as fc from 'fast-check'
import type { OidcOptions } from 'express-session-oidc'
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { describe, expect, it, vi } from 'vitest'
import { transactionSeconds } from '../../lib/core/limits.ts'
import { Sealer } from '../../lib/core/seal.ts'
import { deriveSeals } from '../../lib/core/seals.ts'
import { openDetails } from '../../lib/session/details-cookie.ts'
import { makeCookiePlace } from '../../lib/session/login-cookies.ts'
import { hashSecret } from '../../lib/session/progress-cookie.ts'
import { readState } from '../../lib/session/state.ts'
import { getContext, secret, type TestApp } from '../support/app.ts'
import { runs } from '../support/depth.ts'
import {
  behindTls,
  changeUrl,
  flow,
  listEvents,
  listNotes,
  listTransactions,
  noteRoutes,
  publicOrigin,
  readLocation,
  response,
} from '../support/flow.ts'
import { formatCookies, plantLogin } from '../support/planted-login.ts'
import { waiting } from '../support/waiting.ts'

const world = flow()
const longPage = `/profile?q=${'q'.repeat(600)}`

function start(options: Partial<OidcOptions> = {}): Promise<TestApp> {
  return world.start({
    options,
    routes: (app, oidc) => {
      noteRoutes(app)
      app.get('/switch', oidc.login({ prompt: 'login', returnTo: '/profile' }))
      const many = ['openid', ...Array.from({ length: 60 }, (_, n) => `scope-${n}`)]
      app.get('/more', oidc.login({ scope: many, returnTo: '/profile' }))
      app.get(
        '/tokens',
        waiting(async (req, res) => void res.json(await getContext(req).tokens())),
      )
    },
  })
}

interface Begun {
  readonly app: TestApp
  readonly agent: UserAgent
  readonly callback: string
  readonly state: string
  readonly id: string
  readonly name: string
  readonly value: string
  /** The cookie with details, which a long page needs. */
  readonly details: string
}

/** A login in progress, up to its authorization response. */
async function begun(app: TestApp, page = '/profile'): Promise<Begun> {
  const agent = app.agent()
  const callback = await response(agent, page)
  const [name = ''] = listTransactions(agent)
  const id = name.split('.').at(-1) ?? ''
  const state = new URL(callback).searchParams.get('state') ?? ''
  const get = (cookie: string): string => agent.jar.get(cookie)?.value ?? ''
  return { app, agent, callback, state, id, name, value: get(name), details: get(app.cookie('details')) }
}

/** Delivers the response with only these cookies, without any effect on the user's own browser. */
function comesWith({ app, callback }: Begun, cookie: string): Promise<UserAgentResponse> {
  return app.agent().get(callback, { headers: { cookie }, redirect: 'manual' })
}

/** Checks that the login restarts as without its cookie, and that no token request was sent. */
function beginsAnew(answer: UserAgentResponse, what: unknown = ''): void {
  const to = answer.headers.get('location') ?? ''
  expect({ what, status: answer.status, to: to.slice(0, to.indexOf('?')) }).toEqual({
    what,
    status: 302,
    to: `${world.provider.issuer}/authorize`,
  })
  expect(world.provider.requestsTo('token')).toEqual([])
}

/** Checks that the login in progress was not used and still succeeds for its user. */
async function isStillGood({ app, agent, callback }: Begun): Promise<void> {
  expect(listEvents(app, 'login')).toEqual([])
  expect((await agent.get(callback)).json()).toMatchObject({ user: { sub: 'alice' } })
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Returns the text with one character changed in one bit, for each of its characters. */
function changeEach(text: string): string[] {
  return Array.from(text, (character, at) => {
    const index = alphabet.indexOf(character)
    const others = [alphabet.charAt(index ^ (1 << (at % 6))), ...(at % 10 === 0 ? ['=', '%'] : [])]
    return others.map((other) => text.slice(0, at) + other + text.slice(at + 1))
  }).flat()
}

/** Checks that no changed bits, bytes or characters of a sealed text open. */
function opensUnchanged(value: string, open: (text: string) => unknown): void {
  expect(open(value)).toBeDefined()
  const bytes = Buffer.from(value, 'base64url')
  for (let at = 0; at < bytes.length; at++) {
    for (let mask = 1; mask < 256; mask <<= 1) {
      const changed = Buffer.from(bytes)
      changed.writeUInt8((bytes[at] as number) ^ mask, at)
      expect(open(changed.toString('base64url'))).toBeUndefined()
    }
  }
  const edits = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(edits, (list) => {
      const changed = Buffer.from(bytes)
      for (const [at, byte] of list) changed.writeUInt8(byte, at)
      fc.pre(!changed.equals(bytes))
      expect(open(changed.toString('base64url'))).toBeUndefined()
    }),
    { numRuns: runs(300) },
  )
  fc.assert(
    fc.property(fc.nat(value.length), fc.nat(value.length), fc.string({ maxLength: 8 }), (from, to, put) => {
      const changed = value.slice(0, from) + put + value.slice(to)
      fc.pre(changed !== value)
      expect(open(changed)).toBeUndefined()
    }),
    { numRuns: runs(300) },
  )
}

describe('a tampered login in progress', () => {
  it(
    'a login cookie with any one character of its secret changed counts as missing',
    { meta: { id: 'transaction-cookie-1' } },
    async () => {
      const login = await begun(await start())
      const { name, value } = login
      const own = value.slice(0, 22)
      expect(value.length).toBeGreaterThan(22)
      const bytes = Buffer.from(own, 'base64url')
      // The last character has bits that decode to nothing.
      const changes = changeEach(own).filter((changed) => !Buffer.from(changed, 'base64url').equals(bytes))
      expect(changes.length).toBeGreaterThan(22)
      // The requests are independent, so they run in batches.
      for (let at = 0; at < changes.length; at += 8) {
        const some = changes.slice(at, at + 8)
        const answers = await Promise.all(
          some.map((changed) => comesWith(login, `${name}=${changed}${value.slice(22)}`)),
        )
        for (const [index, answer] of answers.entries()) beginsAnew(answer, some[index])
      }
      await isStillGood(login)
    },
  )

  it('a response with any one character of its `state` changed is answered with 400', async () => {
    const login = await begun(await start())
    const changes = changeEach(login.state)
    for (let at = 0; at < changes.length; at += 8) {
      const answers = await Promise.all(
        changes.slice(at, at + 8).map((state) => {
          const callback = changeUrl(login.callback, { state })
          return comesWith({ ...login, callback }, `${login.name}=${login.value}`)
        }),
      )
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 400))
    }
    expect(world.provider.requestsTo('token')).toEqual([])
    await isStillGood(login)
  })

  it('a `state` and details with any changed bits, bytes or characters do not open', () => {
    const source = { secrets: [secret], owner: 'owner' }
    const seals = deriveSeals(source)
    const place = makeCookiePlace(source.owner, { https: false, basePath: '', crossSite: false })
    const { id, state, cookies } = plantLogin({ seals, place }, { page: '/x', details: { page: '/x' } })
    opensUnchanged(state, (text) => readState(seals, text))
    const name = `${place.prefix}details`
    opensUnchanged(cookies.get(name) ?? '', (text) => openDetails(seals.details, place, new Map([[name, text]]), id))
  })

  it.each<[string, (value: string) => string]>([
    ['without the sessions that it names', (value) => value.slice(0, 28)],
    ['with the sessions of others', (value) => `${value.slice(0, 28)}.${'A'.repeat(11)}.${'B'.repeat(11)}`],
    ['with another time', (value) => `${value.slice(0, 22)}AAAAAA.${'A'.repeat(11)}`],
  ])('a login cookie %s finishes its login, but the login keeps no data', async (_what, change) => {
    const app = await start()
    const kept: string[][] = []
    for (const isChanged of [false, true]) {
      const agent = app.agent()
      await agent.get('/note/apples')
      const callback = await response(agent, '/profile')
      const [name = ''] = listTransactions(agent)
      const { value = '' } = agent.jar.get(name) ?? {}
      if (isChanged) agent.jar.set(`${name}=${change(value)}; Path=/`, app.url)
      expect((await agent.get(callback)).json()).toMatchObject({ user: { sub: 'alice' } })
      kept.push((await listNotes(agent, app)).notes)
    }
    expect(kept).toEqual([['apples'], []])
  })
})

describe('an unsuitable login cookie', () => {
  it.each<[string, (login: Begun) => string]>([
    ['with half its value', ({ name, value }) => `${name}=${value.slice(0, value.length / 2)}`],
    ['without its last character', ({ name, value }) => `${name}=${value.slice(0, -1)}`],
    ['with its secret alone', ({ name, value }) => `${name}=${value.slice(0, 22)}`],
    ['with five sessions', ({ name, value }) => `${name}=${value.slice(0, 28)}${`.${'A'.repeat(11)}`.repeat(5)}`],
    ['without its first character', ({ name, value }) => `${name}=${value.slice(1)}`],
    ['with an extra character', ({ name, value }) => `${name}=${value}A`],
    ['with padding', ({ name, value }) => `${name}=${value}==`],
    ['with its value repeated', ({ name, value }) => `${name}=${value}${value}`],
    ['in quotes', ({ name, value }) => `${name}="${value}"`],
    [
      'with a percent-encoded value',
      ({ name, value }) => `${name}=${value.replace(/[A-Z]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)}`,
    ],
    ['in standard base64', ({ name, value }) => `${name}=${value.replaceAll('-', '+').replaceAll('_', '/')}=`],
    ['with its separators encoded', ({ name, value }) => `${name}=${value.replaceAll('.', '%2E')}`],
    ['signed like a session cookie', ({ name, value }) => `${name}=s:${value}.${value.slice(0, 43)}`],
    ['in uppercase', ({ name, value }) => `${name}=${value.toUpperCase()}`],
    ['in lowercase', ({ name, value }) => `${name}=${value.toLowerCase()}`],
    ['with its name in uppercase', ({ name, value }) => `${name.toUpperCase()}=${value}`],
    ['with its id in lowercase', ({ name, value, id }) => `${name.replace(id, id.toLowerCase())}=${value}`],
    ['with a percent-encoded name', ({ name, value }) => `${name.replace('.', '%2E')}=${value}`],
    ['with a prefix', ({ name, value }) => `__Host-${name}=${value}`],
    ['under the name without an id', ({ app, value }) => `${app.cookie('')}=${value}`],
    ['under the name of another instance', ({ value, id }) => `oidc.ABCDEFGH.${id}=${value}`],
    ['with an empty value', ({ name }) => `${name}=`],
    ['without an equals sign', ({ name }) => name],
    [
      'with an unencrypted login',
      ({ name, id }) => `${name}=${JSON.stringify({ id, nonce: 'x', verifier: 'x', returnTo: '/' })}`,
    ],
    ['of zeros', ({ name, value }) => `${name}=${'A'.repeat(value.length)}`],
    ['of 15 kB', ({ name }) => `${name}=${'A'.repeat(15_000)}`],
  ])('a cookie %s counts as missing', async (_what, getCookie) => {
    const login = await begun(await start())
    const cookie = getCookie(login)
    if (cookie === `${login.name}=${login.value}`) throw new Error('nothing was changed')
    beginsAnew(await comesWith(login, cookie))
    await isStillGood(login)
  })

  it('the cookie of another login in the same browser counts as missing', async () => {
    const app = await start()
    const login = await begun(app)
    const second = await response(login.agent, '/profile')
    const otherName = listTransactions(login.agent).find((name) => name !== login.name) ?? ''
    const other = login.agent.jar.get(otherName)?.value ?? ''
    beginsAnew(await comesWith(login, `${login.name}=${other}; ${otherName}=${login.value}`))
    beginsAnew(await comesWith({ ...login, callback: second }, `${login.name}=${other}; ${otherName}=${login.value}`))
    // Control: each under its own name.
    const own = await comesWith(login, `${login.name}=${login.value}; ${otherName}=${other}`)
    expect({ status: own.status, to: own.headers.get('location') }).toEqual({ status: 303, to: '/profile' })
  })

  it('the cookie of the same login in another browser counts as missing', async () => {
    const app = await start()
    const login = await begun(app)
    const other = await begun(app)
    beginsAnew(await comesWith(login, `${login.name}=${other.value}`))
    beginsAnew(await comesWith(other, `${other.name}=${login.value}`))
    await isStillGood(login)
  })

  it.each([
    ['too long ago', -transactionSeconds - 1],
    ['in the future', transactionSeconds + 60],
    ['a year in the future', 366 * 86_400],
  ])('a login begun %s by a wrong clock begins anew, even with its cookie', async (_what, offset) => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const right = Date.now()
    const app = await start()
    vi.setSystemTime(right + offset * 1000)
    const login = await begun(app)
    vi.setSystemTime(right)
    // The browser still sends the cookie, so only the application can reject the login.
    beginsAnew(await comesWith(login, `${login.name}=${login.value}`))
    expect(listEvents(app, 'login')).toEqual([])
  })
})

describe('an unsuitable `state`', () => {
  it('a `state` sealed with another secret, for another owner or for another purpose is answered with 400', async () => {
    const app = await start()
    const login = await begun(app)
    const { owner, seals, place } = app
    const other = 'another secret, of more than thirty-two characters'
    const plain = plantLogin(app, { page: '/profile' })
    const text = seals.state.open(plain.state, '') ?? ''
    const sealers = [
      deriveSeals({ secrets: [other], owner }).state,
      deriveSeals({ secrets: [secret], owner: 'another owner' }).state,
      ...Object.values(seals).filter((seal): seal is Sealer => seal instanceof Sealer && seal !== seals.state),
    ]
    expect(sealers.length).toBeGreaterThan(6)
    const states = [
      ...sealers.map((sealer) => sealer.seal(text, '')),
      seals.state.seal(text, 'another context'),
      plantLogin({ seals: deriveSeals({ secrets: [secret], owner: 'another owner' }), place }).state,
    ]
    for (const state of states) {
      const callback = changeUrl(login.callback, { state })
      const answer = await comesWith({ ...login, callback }, formatCookies(plain.cookies))
      expect(answer.status).toBe(400)
    }
    expect(listEvents(app, 'login_failed').map(({ code }) => code)).toEqual(states.map(() => 'state_unknown'))
    // Control: the login of these cookies, with its own `state`, is one of this instance.
    const callback = changeUrl(login.callback, { state: plain.state, code: undefined, error: 'access_denied' })
    expect((await comesWith({ ...login, callback }, formatCookies(plain.cookies))).status).toBe(403)
    await isStillGood(login)
  })

  it('a `state` of another login with the code of this one logs nobody in', async () => {
    const app = await start()
    const login = await begun(app)
    await login.agent.get('/switch', { redirect: 'manual' })
    const second = await response(login.agent, '/profile')
    const state = new URL(second).searchParams.get('state') ?? ''
    const page = await login.agent.get(changeUrl(login.callback, { state }))
    expect(page.status).toBeGreaterThanOrEqual(400)
    expect(listEvents(app, 'login')).toEqual([])
  })

  it('a login under a previous secret is finished only while `secret` lists it', async () => {
    const next = 'a new secret that has more than thirty-two characters'
    const before = await start()
    const login = await begun(before)
    const at = (app: TestApp, callback = login.callback): string => callback.replace(before.url, app.url)
    const removed = await start({ secret: next, baseUrl: before.url })
    const refused = await login.agent.get(at(removed), { redirect: 'manual' })
    expect(refused.status).toBe(400)
    expect(listEvents(removed, 'login_failed')).toMatchObject([{ code: 'state_unknown' }])

    // A valid `state` is not enough: nonce and verifier follow from the secret that sealed it.
    const hash = hashSecret({ secret: Buffer.from(login.value.slice(0, 22), 'base64url') })
    const { id } = readState(before.seals, login.state) ?? {}
    if (id === undefined) throw new Error('the state is not one of ours')
    const { state } = plantLogin(removed, { id, cookie: hash, page: '/profile' })
    const cookie = `${login.name}=${login.value}`
    const forged = await comesWith({ ...login, callback: at(removed, changeUrl(login.callback, { state })) }, cookie)
    expect(forged.status).toBeGreaterThanOrEqual(400)
    expect(listEvents(removed, 'login')).toEqual([])

    const again = await begun(before)
    const listed = await start({ secret: [next, secret], baseUrl: before.url })
    const done = await again.agent.get(at(listed, again.callback), { redirect: 'manual' })
    expect({ status: done.status, to: done.headers.get('location') }).toEqual({ status: 303, to: '/profile' })
  })
})

describe('an unsuitable cookie with details', () => {
  const bend: [string, (details: string, other: Begun) => string | undefined][] = [
    ['modified', (details) => (details.startsWith('A') ? 'B' : 'A') + details.slice(1)],
    ['truncated', (details) => details.slice(0, -20)],
    ['of another login', (_details, other) => other.details],
    ['that is a login cookie', (_details, other) => other.value],
    ['that is a `state`', (_details, other) => other.state],
    ['of 15 kB', () => 'A'.repeat(12_000)],
    ['that is missing', () => undefined],
  ]

  it.each(bend)(
    'details %s: the login finishes at its page without the query, with one event',
    async (_what, change) => {
      const app = await start()
      const login = await begun(app, longPage)
      const other = await begun(app, `/login?returnTo=/notes?${'z'.repeat(600)}`)
      expect(login.details.length).toBeGreaterThan(600)
      const details = change(login.details, other)
      const more = details === undefined ? '' : `; ${app.cookie('details')}=${details}`
      const answer = await comesWith(login, `${login.name}=${login.value}${more}`)
      expect({ status: answer.status, to: answer.headers.get('location') }).toEqual({ status: 303, to: '/profile' })
      expect(listEvents(app, 'login')).toMatchObject([{ isPageLost: true }])
    },
  )

  it.each(bend)(
    'details %s, of a login that cannot do without: it begins anew as a plain one',
    async (_what, change) => {
      const app = await start()
      const login = await begun(app, '/more')
      const other = await begun(app, longPage)
      expect(readState(app.seals, login.state)).toMatchObject({ needsDetails: true, asksMore: true })
      const details = change(login.details, other)
      const more = details === undefined ? '' : `; ${app.cookie('details')}=${details}`
      const answer = await comesWith(login, `${login.name}=${login.value}${more}`)
      beginsAnew(answer)
      expect(new URL(readLocation(answer)).searchParams.get('scope')).toBe('openid profile email')
      await isStillGood(login)
    },
  )

  it('details sealed with the key of another secret, owner or purpose count as missing', async () => {
    const app = await start()
    const other = 'another secret, of more than thirty-two characters'
    const sealers = [
      deriveSeals({ secrets: [other], owner: app.owner }).details,
      deriveSeals({ secrets: [secret], owner: 'another owner' }).details,
      ...Object.values(app.seals).filter(
        (seal): seal is Sealer => seal instanceof Sealer && seal !== app.seals.details,
      ),
    ]
    const text = JSON.stringify({ page: '/planted' })
    for (const [index, sealer] of [...sealers, app.seals.details].entries()) {
      const login = await begun(app, longPage)
      const { id = '' } = readState(app.seals, login.state) ?? {}
      const planted = `${app.cookie('details')}=${sealer.seal(text, id)}`
      const answer = await comesWith(login, `${login.name}=${login.value}; ${planted}`)
      // Control: the last one has the right key.
      expect(answer.headers.get('location')).toBe(index === sealers.length ? '/planted' : '/profile')
    }
  })
})

describe.each<[string, (login: Begun) => string]>([
  ['login cookie', ({ value }) => value],
  ['`state`', ({ state }) => state],
  ['cookie with details', ({ details }) => details],
])('a %s used for another purpose', { meta: { id: 'transaction-cookie-2' } }, (what, read) => {
  it.each<[string, (value: string) => string]>([
    ['unchanged', (value) => value],
    ['with the prefix of a signed cookie', (value) => `s:${value}`],
    ['with its own beginning as the signature', (value) => `s:${value}.${value.slice(0, 43)}`],
  ])(`a ${what} is not accepted as a session cookie, %s`, async (_how, valueOf) => {
    const login = await begun(await start(), longPage)
    const visitor = login.app.agent()
    visitor.jar.set(`connect.sid=${encodeURIComponent(valueOf(read(login)))}; Path=/`, login.app.url)
    expect(await listNotes(visitor, login.app)).toMatchObject({ sub: null, notes: [] })
    expect((await visitor.fetch('/profile')).status).toBe(401)
    await isStillGood(login)
  })

  it(`a ${what} is not accepted as the counter of completed logins`, async () => {
    const login = await begun(await start(), longPage)
    const counter = login.app.cookie('finished')
    login.agent.jar.set(`${counter}=${read(login)}; Path=/`, login.app.url)
    await isStillGood(login)
    // The counter starts from zero.
    expect(login.agent.jar.get(counter)?.value).not.toBe(read(login))
    for (let more = 0; more < 4; more++) expect((await login.agent.get('/switch')).status).toBe(200)
  })

  it.skipIf(what === '`state`')(`a ${what} is not accepted as a \`state\``, async () => {
    const login = await begun(await start(), longPage)
    const url = new URL(login.callback)
    for (const state of [
      read(login),
      read(login).slice(0, 500),
      login.name,
      `${login.id}.0.${read(login).slice(0, 22)}`,
    ]) {
      url.searchParams.set('state', state)
      const page = await login.agent.get(url)
      expect({ status: page.status, hops: page.hops.length }).toEqual({ status: 400, hops: 1 })
    }
    await isStillGood(login)
  })

  it(`a ${what} is not accepted as the requirements of a step-up, or as a \`state\` of a logout`, async () => {
    const login = await begun(await start(), longPage)
    const { agent, app } = login
    const requested = await agent.get(`/login?ask=${read(login)}`, { redirect: 'manual' })
    expect(new URL(readLocation(requested)).searchParams.get('scope')).toBe('openid profile email')
    const page = await agent.get(`/?state=${read(login)}`, { redirect: 'manual' })
    expect(page.headers.get('location')).toBeNull()
    expect(listEvents(app, 'login')).toEqual([])
  })

  it(`a ${what} is not accepted as a token record, and a logout still succeeds`, async () => {
    const app = await start()
    const user = app.agent()
    await user.get('/profile')
    const { id } = await listNotes(user, app)
    const login = await begun(app, longPage)
    await world.redis.client.set(`oidc:{sess:${id}}:tokens:default`, read(login))
    expect((await user.fetch('/tokens')).json()).toMatchObject({ status: 401, code: 'login_required' })
    expect((await user.get('/profile')).status).toBe(200)
    const out = await user.post('/logout', {}, { redirect: 'manual', followRefresh: false })
    expect(out.text()).toContain(`${world.provider.issuer}/logout`)
    expect(out.text()).not.toContain('id_token_hint')
    expect(await listNotes(user, app)).toMatchObject({ sub: null })
  })

  it(`a ${what} is not accepted as a login record or a stored session`, async () => {
    const app = await start()
    const login = await begun(app, longPage)
    for (const key of ['oidc:{sess:ID}', 'sess:ID']) {
      const user = app.agent()
      world.provider.signIn('alice')
      await user.get('/profile')
      const { id } = await listNotes(user, app)
      await world.redis.client.set(key.replace('ID', id), read(login))
      const answer = await user.fetch('/profile')
      expect(answer.status).toBe(key.startsWith('sess') ? 503 : 401)
      await world.redis.client.del(`sess:${id}`)
    }
  })
})

describe('other values used as a login cookie', () => {
  it('other cookies, records, ids and tokens count as a missing login cookie', async () => {
    const app = await start()
    const user = app.agent()
    await user.get('/profile')
    await user.get('/note/apples')
    const { id } = await listNotes(user, app)
    const { client } = world.redis
    const tokens = (await user.fetch('/tokens')).json() as Record<string, string>
    const others: Record<string, string | null | undefined> = {
      'a session cookie': user.jar.get('connect.sid')?.value,
      'a session cookie, decoded': decodeURIComponent(user.jar.get('connect.sid')?.value ?? ''),
      'a session id': id,
      'a record of tokens': await client.get(`oidc:{sess:${id}}:tokens:default`),
      'a login record': await client.get(`oidc:{sess:${id}}`),
      'the count of finished logins': user.jar.get(app.cookie('finished'))?.value,
      'the mark of the browser': user.jar.get('oidc.mark')?.value,
      'an ID token': tokens['idToken'],
      'an access token': tokens['accessToken'],
      'a refresh token': tokens['refreshToken'],
    }
    app.events.length = 0
    world.provider.forget()
    const login = await begun(app, longPage)
    others['the state'] = login.state
    others['the details'] = login.details
    for (const [what, other] of Object.entries(others)) {
      if (!other) throw new Error(`there is none: ${what}`)
      beginsAnew(await comesWith(login, `${login.name}=${other}`), what)
    }
    await isStillGood(login)
  })

  it('the other cookies of the package do not count as logins in progress, whatever their values are', async () => {
    const app = await start()
    const user = app.agent()
    const names = ['finished', 'details', 'silent'].map((name) => app.cookie(name))
    const form = `${'A'.repeat(28)}.${'B'.repeat(11)}`
    for (const name of [...names, 'oidc.mark']) user.jar.set(`${name}=${form}; Path=/`, app.url)
    const answer = await user.get('/login', { redirect: 'manual' })
    // None is removed as an old login, and none hands its sessions to the login that restarts.
    expect(answer.cookiesSet).toHaveLength(1)
    const { state } = plantLogin(app, { page: '/profile' })
    const again = await user.get(`/callback?code=x&state=${state}`, { redirect: 'manual' })
    beginsAnew(again)
    expect(again.cookiesSet.filter(({ value }) => value.includes('B'.repeat(11)))).toEqual([])
  })
})

describe('cookies planted by a sibling host', () => {
  const startSecure = async (): Promise<{ app: TestApp; open: () => UserAgent }> => {
    const app = await world.start({ ...behindTls(world.provider), routes: noteRoutes })
    return { app, open: () => app.agent({ baseUrl: publicOrigin, proxies: { [publicOrigin]: app.url } }) }
  }
  /** The prefix of a cookie that any host of the domain can set. */
  const bare = (app: TestApp): string => app.cookie('').replace('__Host-', '')

  it('a login that an attacker has begun is not finished with a login cookie without __Host-', async () => {
    const { open } = await startSecure()
    const attacker = open()
    world.provider.signIn('bob')
    const callback = await response(attacker, '/profile')
    world.provider.signIn('alice')
    const victim = open()
    for (const { name, value } of attacker.jar.cookies(publicOrigin)) {
      for (const spelled of [name.replace('__Host-', ''), name.replace('__Host-', '__Secure-')]) {
        victim.jar.set(`${spelled}=${value}; Path=/; Domain=example.com; Secure`, 'https://evil.example.com')
      }
    }
    const answer = await victim.get(callback, { crossSite: true, redirect: 'manual' })
    expect(readLocation(answer)).toContain(`${world.provider.issuer}/authorize`)
    expect(world.provider.requestsTo('token')).toEqual([])
  })

  it('6 kB of planted cookies change nothing about the logins of the user, and none of them is removed', async () => {
    const { app, open } = await startSecure()
    const agent = open()
    const first = await response(agent, '/profile?first')
    const planted = Array.from({ length: 90 }, (_, n) => {
      const value = 'A'.repeat(28) + `.${'B'.repeat(11)}`
      return `${bare(app)}${String(n).padStart(9, 'A')}=${value}`
    })
    planted.push(`${bare(app)}details=x`, `${bare(app)}out=1`, `${bare(app)}finished=x`, 'oidc.mark=planted')
    for (const pair of planted) {
      agent.jar.set(`${pair}; Path=/; Domain=example.com; Secure`, 'https://evil.example.com')
    }
    expect((agent.jar.header(publicOrigin) ?? '').length).toBeGreaterThan(6000)
    const begun = await agent.get('/profile?second', { redirect: 'manual' })
    expect(begun.cookiesSet.map(({ name }) => name)).toEqual([expect.stringMatching(/^__Host-oidc\./)])
    const second = readLocation(await agent.get(readLocation(begun), { redirect: 'manual' }))
    expect((await agent.get(second)).url).toBe(`${publicOrigin}/profile?second`)
    expect((await agent.get(first)).url).toBe(`${publicOrigin}/profile?first`)
    expect(listEvents(app, 'login')).toHaveLength(2)
    const { id } = await listNotes(agent, app)
    const record = JSON.parse((await world.redis.client.get(`oidc:{sess:${id}}`)) ?? '{}') as Record<string, unknown>
    // The planted cookies are not the logins in progress of this browser.
    expect(JSON.stringify(record)).not.toContain(hashSecret({ secret: Buffer.alloc(16) }))
  })
})

describe('a login that begins anew because of an invalid cookie', () => {
  it(
    'a login with an invalid cookie restarts once, then answers 400 transaction_missing',
    { meta: { id: 'transaction-cookie-3' } },
    async () => {
      const login = await begun(await start())
      const second = readLocation(
        await login.agent.get(readLocation(await comesWith(login, `${login.name}=garbage`)), { redirect: 'manual' }),
      )
      const page = await comesWith({ ...login, callback: second }, `${login.name}=${login.value}`)
      expect(page.status).toBe(400)
      expect(listEvents(login.app, 'login_failed')).toMatchObject([{ code: 'transaction_missing' }])
      expect(world.provider.requestsTo('token')).toEqual([])
    },
  )
})
