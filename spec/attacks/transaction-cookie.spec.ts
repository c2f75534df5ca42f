/**
 * The cookie of a login under way, changed or used for what it was not made for; and what else we seal or keep, used as
 * such a cookie. None of it logs anybody in, and none of it is more than a login that begins anew or a page that says no.
 */
import * as fc from 'fast-check'
import type { OidcOptions } from 'express-session-oidc'
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { describe, expect, it, vi } from 'vitest'
import { Sealer } from '../../lib/core/seal.ts'
import { sealsOf } from '../../lib/core/seals.ts'
import { transactionSeconds } from '../../lib/core/limits.ts'
import { openTransaction, transactionCookie, type Transaction } from '../../lib/session/transaction.ts'
import { secret, type TestApp } from '../support/app.ts'
import { runs } from '../support/depth.ts'
import { flow, location, noteRoutes, notesOf, response, told, transactions } from '../support/flow.ts'
import { waiting } from '../support/waiting.ts'
import { cookiePlaceOf } from '../../lib/session/login-cookies.ts'

const world = flow()
function start(options: Partial<OidcOptions> = {}): Promise<TestApp> {
  return world.start({
    options,
    routes: (app, oidc) => {
      noteRoutes(app)
      app.get('/switch', oidc.login({ prompt: 'login', returnTo: '/profile' }))
      app.get(
        '/tokens',
        waiting(async (req, res) => void res.json(await req.oidc.tokens())),
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

/** A login under way, up to its response. */
async function begun(app: TestApp): Promise<Begun> {
  const agent = app.agent()
  const callback = await response(agent, '/profile')
  const [name = ''] = transactions(agent)
  const id = name.split('.').at(-1) ?? ''
  return { app, agent, callback, id, name, value: agent.jar.get(name)?.value ?? '' }
}

/** The response comes with these cookies alone, and what is answered changes nothing in the user's own browser. */
function comesWith({ app, callback }: Begun, cookie: string): Promise<UserAgentResponse> {
  return app.agent().get(callback, { headers: { cookie }, redirect: 'manual' })
}

/** The login begins anew, at the provider, and nothing was sent there: as if the browser had no cookie of it. */
function beginsAnew(answer: UserAgentResponse, what: unknown = ''): void {
  const to = answer.headers.get('location') ?? ''
  expect({ what, status: answer.status, to: to.slice(0, to.indexOf('?')) }).toEqual({
    what,
    status: 302,
    to: `${world.provider.issuer}/authorize`,
  })
  expect(world.provider.requestsTo('token')).toEqual([])
}

/** The login that nobody could do anything with is still its user's own. */
async function isStillGood({ app, agent, callback }: Begun): Promise<void> {
  expect(told(app, 'login')).toEqual([])
  expect((await agent.get(callback)).json()).toMatchObject({ user: { sub: 'alice' } })
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

describe('a transaction cookie with one character changed', () => {
  it('is none, whichever it is', { meta: { id: 'transaction-cookie-1' } }, async () => {
    const login = await begun(await start())
    const { name, value } = login
    expect(value.length).toBeGreaterThan(200)
    const changes = Array.from(value, (character, at) => {
      const index = alphabet.indexOf(character)
      // One of its bits; all bits of all bytes follow below, without the way through a server. Now and then a character
      // that base64url has not.
      const others = [alphabet.charAt(index ^ (1 << (at % 6))), ...(at % 10 === 0 ? ['=', '%'] : [])]
      return others.map((other) => value.slice(0, at) + other + value.slice(at + 1))
    }).flat()
    // Several at a time: they are independent of one another.
    for (let at = 0; at < changes.length; at += 8) {
      const some = changes.slice(at, at + 8)
      const answers = await Promise.all(some.map((changed) => comesWith(login, `${name}=${changed}`)))
      for (const [index, answer] of answers.entries()) beginsAnew(answer, some[index])
    }
    await isStillGood(login)
  })

  it('or with several, does not open', () => {
    const source = { secrets: [secret], owner: 'owner' }
    const { transaction: sealer } = sealsOf(source)
    const place = cookiePlaceOf(source.owner, { https: false, basePath: '', crossSite: false })
    const transaction: Transaction = {
      id: 'a'.repeat(22),
      nonce: 'nonce',
      verifier: 'verifier',
      returnTo: '/',
      startedAt: Date.now() / 1000,
      scope: ['openid'],
      parameters: {},
    }
    const { name, value = '' } = transactionCookie(sealer, place, transaction)
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

describe('a transaction cookie', () => {
  it.each<[string, (login: Begun) => string]>([
    ['with half of its value', ({ name, value }) => `${name}=${value.slice(0, value.length / 2)}`],
    ['without its last character', ({ name, value }) => `${name}=${value.slice(0, -1)}`],
    ['without its first character', ({ name, value }) => `${name}=${value.slice(1)}`],
    ['with a character more', ({ name, value }) => `${name}=${value}A`],
    ['with padding', ({ name, value }) => `${name}=${value}==`],
    ['twice in one', ({ name, value }) => `${name}=${value}${value}`],
    ['in quotes', ({ name, value }) => `${name}="${value}"`],
    [
      'in percent signs',
      ({ name, value }) => `${name}=${value.replace(/[A-Z]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)}`,
    ],
    ['in plain base64', ({ name, value }) => `${name}=${value.replaceAll('-', '+').replaceAll('_', '/')}=`],
    ['signed like a session cookie', ({ name, value }) => `${name}=s:${value}.${value.slice(0, 43)}`],
    ['in capitals', ({ name, value }) => `${name}=${value.toUpperCase()}`],
    ['in small letters', ({ name, value }) => `${name}=${value.toLowerCase()}`],
    ['with its name in capitals', ({ name, value }) => `${name.toUpperCase()}=${value}`],
    ['with its id in small letters', ({ name, value, id }) => `${name.replace(id, id.toLowerCase())}=${value}`],
    ['with its name in percent signs', ({ name, value }) => `${name.replace('.', '%2E')}=${value}`],
    ['with a prefix', ({ name, value }) => `__Host-${name}=${value}`],
    ['under the name without an id', ({ app, value }) => `${app.cookie('')}=${value}`],
    ['under the name of another instance', ({ value, id }) => `oidc.ABCDEFGHIJK.${id}=${value}`],
    ['empty', ({ name }) => `${name}=`],
    ['without an equals sign', ({ name }) => name],
    [
      'that says so in clear',
      ({ name, id }) => `${name}=${JSON.stringify({ id, nonce: 'x', verifier: 'x', returnTo: '/' })}`,
    ],
    ['of zeros', ({ name, value }) => `${name}=${'A'.repeat(value.length)}`],
    ['of 15 kB', ({ name }) => `${name}=${'A'.repeat(15_000)}`],
  ])('%s is none', async (_what, cookieOf) => {
    const login = await begun(await start())
    const cookie = cookieOf(login)
    if (cookie === `${login.name}=${login.value}`) throw new Error('nothing was changed')
    beginsAnew(await comesWith(login, cookie))
    await isStillGood(login)
  })

  it('of another login under way in the same browser is none for this one', async () => {
    const app = await start()
    const login = await begun(app)
    const second = await response(login.agent, '/profile')
    const [, otherName = ''] = transactions(login.agent)
    const other = login.agent.jar.get(otherName)?.value ?? ''
    beginsAnew(await comesWith(login, `${login.name}=${other}; ${otherName}=${login.value}`))
    beginsAnew(await comesWith({ ...login, callback: second }, `${login.name}=${other}; ${otherName}=${login.value}`))
    await isStillGood(login)
  })

  it('sealed with another secret, for another owner or for another purpose is none, even with the same id', async () => {
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
      sealsOf({ secrets: [other], owner }).transaction,
      sealsOf({ secrets: [secret], owner: 'another owner' }).transaction,
      ...Object.values(seals).filter((seal) => seal instanceof Sealer && seal !== seals.transaction),
    ] as Sealer[]) {
      const { value } = transactionCookie(sealer, place, transaction)
      beginsAnew(await comesWith(login, `${login.name}=${value}`))
    }
    await isStillGood(login)
  })

  it.each([
    ['that has expired', -transactionSeconds - 1],
    ['from a time that has not come', transactionSeconds + 60],
    ['from the next year', 366 * 86_400],
  ])('%s, of a clock that was wrong, is none', async (_what, offset) => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const right = Date.now()
    const app = await start()
    vi.setSystemTime(right + offset * 1000)
    const login = await begun(app)
    vi.setSystemTime(right)
    // The browser keeps what it got; it is the application that judges.
    beginsAnew(await comesWith(login, `${login.name}=${login.value}`))
    expect(told(app, 'login')).toEqual([])
  })

  it('is taken under a former secret as long as that is listed, and not once it is removed', async () => {
    const next = 'a new secret that has more than thirty-two characters'
    const before = await start()
    const login = await begun(before)
    const at = (app: TestApp): string => login.callback.replace(before.url, app.url)
    const removed = await start({ secret: next, baseUrl: before.url })
    const refused = await login.agent.get(at(removed), { redirect: 'manual' })
    expect(refused.status).toBe(400)
    expect(told(removed, 'login_failed')).toMatchObject([{ code: 'state_unknown' }])

    // The state alone does not do: a cookie under a secret that is not in use any more is none.
    const { state: codes } = sealsOf({ secrets: [next], owner: removed.owner })
    const state = `${login.id}.0.${codes.mac(`${login.id}.0`)}`
    const forged = new URL(at(removed))
    forged.searchParams.set('state', state)
    beginsAnew(await comesWith({ ...login, callback: forged.href }, `${login.name}=${login.value}`))

    const listed = await start({ secret: [next, secret], baseUrl: before.url })
    const done = await login.agent.get(at(listed), { redirect: 'manual' })
    expect({ status: done.status, to: done.headers.get('location') }).toEqual({ status: 303, to: '/profile' })
  })
})

describe('a transaction cookie used as something else', { meta: { id: 'transaction-cookie-2' } }, () => {
  it.each<[string, (value: string) => string]>([
    ['as it is', (value) => value],
    ['as a signed one', (value) => `s:${value}`],
    ['with a signature of itself', (value) => `s:${value}.${value.slice(0, 43)}`],
  ])('is no session, %s', async (_how, valueOf) => {
    const login = await begun(await start())
    const visitor = login.app.agent()
    visitor.jar.set(`connect.sid=${encodeURIComponent(valueOf(login.value))}; Path=/`, login.app.url)
    expect(await notesOf(visitor, login.app)).toMatchObject({ sub: null, notes: [] })
    expect((await visitor.fetch('/profile')).status).toBe(401)
    await isStillGood(login)
  })

  it('is no count of finished logins', async () => {
    const login = await begun(await start())
    const counter = login.app.cookie('finished')
    login.agent.jar.set(`${counter}=${login.value}; Path=/`, login.app.url)
    await isStillGood(login)
    // The count begins anew.
    expect(login.agent.jar.get(counter)?.value).not.toBe(login.value)
    for (let more = 0; more < 4; more++) expect((await login.agent.get('/switch')).status).toBe(200)
  })

  it('is no state', async () => {
    const login = await begun(await start())
    const url = new URL(login.callback)
    for (const state of [login.value, login.name, `${login.id}.0.${login.value.slice(0, 22)}`]) {
      url.searchParams.set('state', state)
      const page = await login.agent.get(url)
      expect({ status: page.status, hops: page.hops.length }).toEqual({ status: 400, hops: 1 })
    }
    await isStillGood(login)
  })

  it('is no record of tokens, and no logout fails by it', async () => {
    const app = await start()
    const user = app.agent()
    await user.get('/profile')
    const { id } = await notesOf(user, app)
    const login = await begun(app)
    await world.redis.client.set(`oidc:{sess:${id}}:tokens:default`, login.value)
    expect((await user.fetch('/tokens')).json()).toMatchObject({ status: 401, code: 'login_required' })
    expect((await user.get('/profile')).status).toBe(200)
    const out = await user.post('/logout', {}, { redirect: 'manual', followRefresh: false })
    expect(out.text()).toContain(`${world.provider.issuer}/logout`)
    expect(out.text()).not.toContain('id_token_hint')
    expect(await notesOf(user, app)).toMatchObject({ sub: null })
  })

  it('is no record of a login, nor of a session', async () => {
    const app = await start()
    const login = await begun(app)
    for (const key of ['oidc:{sess:ID}', 'sess:ID']) {
      const user = app.agent()
      world.provider.signIn('alice')
      await user.get('/profile')
      const { id } = await notesOf(user, app)
      await world.redis.client.set(key.replace('ID', id), login.value)
      const answer = await user.fetch('/profile')
      expect(answer.status).toBe(key.startsWith('sess') ? 503 : 401)
      await world.redis.client.del(`sess:${id}`)
    }
  })
})

describe('something else used as a transaction cookie', () => {
  it('is none: a session cookie, a record of tokens, the count of finished logins, a state, an id token', async () => {
    const app = await start()
    const user = app.agent()
    await user.get('/profile')
    await user.get('/note/apples')
    const { id } = await notesOf(user, app)
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

  it('with a state that has its id is refused: the count of finished logins has no id of a login', async () => {
    const app = await start()
    const user = app.agent()
    await user.get('/profile')
    const mac = app.seals.state.mac('finished.0')
    // Even under our own key: an id is 22 characters.
    const page = await user.get(`/callback?code=x&state=finished.0.${mac}`)
    expect(page.status).toBe(400)
    expect(told(app, 'login_failed')).toMatchObject([{ code: 'state_unknown' }])
  })
})

describe('a login that begins anew because its cookie is none', () => {
  it('does so once, and then says why not', { meta: { id: 'transaction-cookie-3' } }, async () => {
    const login = await begun(await start())
    const second = location(
      await login.agent.get(location(await comesWith(login, `${login.name}=garbage`)), { redirect: 'manual' }),
    )
    const page = await comesWith({ ...login, callback: second }, `${login.name}=${login.value}`)
    expect(page.status).toBe(400)
    expect(told(login.app, 'login_failed')).toMatchObject([{ code: 'transaction_missing' }])
    expect(world.provider.requestsTo('token')).toEqual([])
  })
})
