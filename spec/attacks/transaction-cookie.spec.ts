/**
 * The cookie of a login in progress (the transaction cookie), modified or used for another purpose, and other sealed or
 * stored values used as that cookie. None of them logs anybody in: the login restarts, or an error page follows.
 */
import * as fc from 'fast-check'
import type { OidcOptions } from 'express-session-oidc'
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { describe, expect, it, vi } from 'vitest'
import { Sealer } from '../../lib/core/seal.ts'
import { deriveSeals } from '../../lib/core/seals.ts'
import { transactionSeconds } from '../../lib/core/limits.ts'
import { openTransaction, makeTransactionCookie, type Transaction } from '../../lib/session/transaction.ts'
import { getContext, secret, type TestApp } from '../support/app.ts'
import { runs } from '../support/depth.ts'
import { flow, readLocation, noteRoutes, listNotes, response, listEvents, listTransactions } from '../support/flow.ts'
import { waiting } from '../support/waiting.ts'
import { makeCookiePlace } from '../../lib/session/login-cookies.ts'

const world = flow()
function start(options: Partial<OidcOptions> = {}): Promise<TestApp> {
  return world.start({
    options,
    routes: (app, oidc) => {
      noteRoutes(app)
      app.get('/switch', oidc.login({ prompt: 'login', returnTo: '/profile' }))
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
  readonly id: string
  readonly name: string
  readonly value: string
}

/** A login in progress, up to its authorization response. */
async function begun(app: TestApp): Promise<Begun> {
  const agent = app.agent()
  const callback = await response(agent, '/profile')
  const [name = ''] = listTransactions(agent)
  const id = name.split('.').at(-1) ?? ''
  return { app, agent, callback, id, name, value: agent.jar.get(name)?.value ?? '' }
}

/** Delivers the response with only these cookies, without any effect on the user's own browser. */
function comesWith({ app, callback }: Begun, cookie: string): Promise<UserAgentResponse> {
  return app.agent().get(callback, { headers: { cookie }, redirect: 'manual' })
}

/** Checks that the login restarts as without a transaction cookie, and that no token request was sent. */
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

describe('a tampered transaction cookie', () => {
  it(
    'a transaction cookie with any one character changed counts as missing',
    { meta: { id: 'transaction-cookie-1' } },
    async () => {
      const login = await begun(await start())
      const { name, value } = login
      expect(value.length).toBeGreaterThan(200)
      const changes = Array.from(value, (character, at) => {
        const index = alphabet.indexOf(character)
        // One flipped bit per character, and sometimes a character outside base64url. The next test flips all bits, without a
        // server.
        const others = [alphabet.charAt(index ^ (1 << (at % 6))), ...(at % 10 === 0 ? ['=', '%'] : [])]
        return others.map((other) => value.slice(0, at) + other + value.slice(at + 1))
      }).flat()
      // The requests are independent, so they run in batches.
      for (let at = 0; at < changes.length; at += 8) {
        const some = changes.slice(at, at + 8)
        const answers = await Promise.all(some.map((changed) => comesWith(login, `${name}=${changed}`)))
        for (const [index, answer] of answers.entries()) beginsAnew(answer, some[index])
      }
      await isStillGood(login)
    },
  )

  it('a transaction cookie with any changed bits, bytes or characters does not open', () => {
    const source = { secrets: [secret], owner: 'owner' }
    const { transaction: sealer } = deriveSeals(source)
    const place = makeCookiePlace(source.owner, { https: false, basePath: '', crossSite: false })
    const transaction: Transaction = {
      id: 'a'.repeat(22),
      nonce: 'nonce',
      verifier: 'verifier',
      returnTo: '/',
      startedAt: Date.now() / 1000,
      scope: ['openid'],
      parameters: {},
    }
    const { name, value = '' } = makeTransactionCookie(sealer, place, transaction)
    const open = (text: string): unknown => openTransaction(sealer, place, new Map([[name, text]]), transaction.id)
    expect(open(value)).toEqual(transaction)
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
  })
})

describe('an unsuitable transaction cookie', () => {
  it.each<[string, (login: Begun) => string]>([
    ['with half its value', ({ name, value }) => `${name}=${value.slice(0, value.length / 2)}`],
    ['without its last character', ({ name, value }) => `${name}=${value.slice(0, -1)}`],
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
    ['signed like a session cookie', ({ name, value }) => `${name}=s:${value}.${value.slice(0, 43)}`],
    ['in uppercase', ({ name, value }) => `${name}=${value.toUpperCase()}`],
    ['in lowercase', ({ name, value }) => `${name}=${value.toLowerCase()}`],
    ['with its name in uppercase', ({ name, value }) => `${name.toUpperCase()}=${value}`],
    ['with its id in lowercase', ({ name, value, id }) => `${name.replace(id, id.toLowerCase())}=${value}`],
    ['with a percent-encoded name', ({ name, value }) => `${name.replace('.', '%2E')}=${value}`],
    ['with a prefix', ({ name, value }) => `__Host-${name}=${value}`],
    ['under the name without an id', ({ app, value }) => `${app.cookie('')}=${value}`],
    ['under the name of another instance', ({ value, id }) => `oidc.ABCDEFGHIJK.${id}=${value}`],
    ['with an empty value', ({ name }) => `${name}=`],
    ['without an equals sign', ({ name }) => name],
    [
      'with an unencrypted transaction',
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
    const [, otherName = ''] = listTransactions(login.agent)
    const other = login.agent.jar.get(otherName)?.value ?? ''
    beginsAnew(await comesWith(login, `${login.name}=${other}; ${otherName}=${login.value}`))
    beginsAnew(await comesWith({ ...login, callback: second }, `${login.name}=${other}; ${otherName}=${login.value}`))
    await isStillGood(login)
  })

  it('a cookie sealed with the key of another secret, owner or purpose counts as missing', async () => {
    const app = await start()
    const login = await begun(app)
    const transaction: Transaction = {
      id: login.id,
      nonce: 'of the attacker',
      verifier: 'v'.repeat(43),
      returnTo: '/',
      startedAt: Date.now() / 1000,
      scope: ['openid'],
      parameters: {},
    }
    const { owner, seals, place } = app
    const other = 'another secret, of more than thirty-two characters'
    for (const sealer of [
      deriveSeals({ secrets: [other], owner }).transaction,
      deriveSeals({ secrets: [secret], owner: 'another owner' }).transaction,
      ...Object.values(seals).filter((seal) => seal instanceof Sealer && seal !== seals.transaction),
    ] as Sealer[]) {
      const { value } = makeTransactionCookie(sealer, place, transaction)
      beginsAnew(await comesWith(login, `${login.name}=${value}`))
    }
    await isStillGood(login)
  })

  it.each([
    ['too long ago', -transactionSeconds - 1],
    ['in the future', transactionSeconds + 60],
    ['a year in the future', 366 * 86_400],
  ])('a cookie issued %s by a wrong clock counts as missing', async (_what, offset) => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const right = Date.now()
    const app = await start()
    vi.setSystemTime(right + offset * 1000)
    const login = await begun(app)
    vi.setSystemTime(right)
    // The browser still sends the cookie, so only the application can reject it.
    beginsAnew(await comesWith(login, `${login.name}=${login.value}`))
    expect(listEvents(app, 'login')).toEqual([])
  })

  it('a cookie under a previous secret is accepted only while `secret` lists it', async () => {
    const next = 'a new secret that has more than thirty-two characters'
    const before = await start()
    const login = await begun(before)
    const at = (app: TestApp): string => login.callback.replace(before.url, app.url)
    const removed = await start({ secret: next, baseUrl: before.url })
    const refused = await login.agent.get(at(removed), { redirect: 'manual' })
    expect(refused.status).toBe(400)
    expect(listEvents(removed, 'login_failed')).toMatchObject([{ code: 'state_unknown' }])

    // A valid state is not enough: a cookie under a removed secret counts as missing.
    const { state: codes } = deriveSeals({ secrets: [next], owner: removed.owner })
    const state = `${login.id}.0.${codes.mac(`${login.id}.0`)}`
    const forged = new URL(at(removed))
    forged.searchParams.set('state', state)
    beginsAnew(await comesWith({ ...login, callback: forged.href }, `${login.name}=${login.value}`))

    const listed = await start({ secret: [next, secret], baseUrl: before.url })
    const done = await login.agent.get(at(listed), { redirect: 'manual' })
    expect({ status: done.status, to: done.headers.get('location') }).toEqual({ status: 303, to: '/profile' })
  })
})

describe('a transaction cookie used for another purpose', { meta: { id: 'transaction-cookie-2' } }, () => {
  it.each<[string, (value: string) => string]>([
    ['unchanged', (value) => value],
    ['with the prefix of a signed cookie', (value) => `s:${value}`],
    ['with its own beginning as the signature', (value) => `s:${value}.${value.slice(0, 43)}`],
  ])('a transaction cookie is not accepted as a session cookie, %s', async (_how, valueOf) => {
    const login = await begun(await start())
    const visitor = login.app.agent()
    visitor.jar.set(`connect.sid=${encodeURIComponent(valueOf(login.value))}; Path=/`, login.app.url)
    expect(await listNotes(visitor, login.app)).toMatchObject({ sub: null, notes: [] })
    expect((await visitor.fetch('/profile')).status).toBe(401)
    await isStillGood(login)
  })

  it('a transaction cookie is not accepted as the counter of completed logins', async () => {
    const login = await begun(await start())
    const counter = login.app.cookie('finished')
    login.agent.jar.set(`${counter}=${login.value}; Path=/`, login.app.url)
    await isStillGood(login)
    // The counter starts from zero.
    expect(login.agent.jar.get(counter)?.value).not.toBe(login.value)
    for (let more = 0; more < 4; more++) expect((await login.agent.get('/switch')).status).toBe(200)
  })

  it('a transaction cookie is not accepted as a state', async () => {
    const login = await begun(await start())
    const url = new URL(login.callback)
    for (const state of [login.value, login.name, `${login.id}.0.${login.value.slice(0, 22)}`]) {
      url.searchParams.set('state', state)
      const page = await login.agent.get(url)
      expect({ status: page.status, hops: page.hops.length }).toEqual({ status: 400, hops: 1 })
    }
    await isStillGood(login)
  })

  it('a transaction cookie is not accepted as a token record, and a logout still succeeds', async () => {
    const app = await start()
    const user = app.agent()
    await user.get('/profile')
    const { id } = await listNotes(user, app)
    const login = await begun(app)
    await world.redis.client.set(`oidc:{sess:${id}}:tokens:default`, login.value)
    expect((await user.fetch('/tokens')).json()).toMatchObject({ status: 401, code: 'login_required' })
    expect((await user.get('/profile')).status).toBe(200)
    const out = await user.post('/logout', {}, { redirect: 'manual', followRefresh: false })
    expect(out.text()).toContain(`${world.provider.issuer}/logout`)
    expect(out.text()).not.toContain('id_token_hint')
    expect(await listNotes(user, app)).toMatchObject({ sub: null })
  })

  it('a transaction cookie is not accepted as a login record or a stored session', async () => {
    const app = await start()
    const login = await begun(app)
    for (const key of ['oidc:{sess:ID}', 'sess:ID']) {
      const user = app.agent()
      world.provider.signIn('alice')
      await user.get('/profile')
      const { id } = await listNotes(user, app)
      await world.redis.client.set(key.replace('ID', id), login.value)
      const answer = await user.fetch('/profile')
      expect(answer.status).toBe(key.startsWith('sess') ? 503 : 401)
      await world.redis.client.del(`sess:${id}`)
    }
  })
})

describe('other values used as a transaction cookie', () => {
  it('other cookies, records, ids and tokens count as a missing transaction cookie', async () => {
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
      'an ID token': tokens['idToken'],
      'an access token': tokens['accessToken'],
      'a refresh token': tokens['refreshToken'],
    }
    app.events.length = 0
    world.provider.forget()
    const login = await begun(app)
    others['the state'] = new URL(login.callback).searchParams.get('state')
    for (const [what, other] of Object.entries(others)) {
      if (!other) throw new Error(`there is none: ${what}`)
      beginsAnew(await comesWith(login, `${login.name}=${other}`), what)
    }
    await isStillGood(login)
  })

  it('the counter of completed logins cannot serve as the transaction of a state', async () => {
    const app = await start()
    const user = app.agent()
    await user.get('/profile')
    const mac = app.seals.state.mac('finished.0')
    // Even with a valid MAC, since an id has 22 characters.
    const page = await user.get(`/callback?code=x&state=finished.0.${mac}`)
    expect(page.status).toBe(400)
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'state_unknown' }])
  })
})

describe('a login that restarts because of an invalid cookie', () => {
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
