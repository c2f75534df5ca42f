/** `examples/observability`: what its log and metrics record of users and faults, and what they never contain. */
import { channel } from 'node:diagnostics_channel'
import { createServer, type Server } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Store } from 'express-session'
import { RedisSessionStore } from 'express-session-oidc/redis'
import { startTestProvider, type TestProvider, type UserAgent } from 'express-session-oidc/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp } from '../../examples/observability/app.js'
import { createLog } from '../../examples/observability/log.js'
import { Watch } from '../attacks/secret-watch.ts'
import { close, listen, until } from '../support/app.ts'
import { response } from '../support/flow.ts'
import { redisForFile } from '../support/redis.ts'
import { switchedRedis, type SwitchedRedis } from '../support/switched-redis.ts'
import { pass } from '../support/tokens-app.ts'
import { getHeading, run, readText, type Running } from './steps.ts'

const own = redisForFile()
const secret = 'the secret of this application and of nothing else'

let provider: TestProvider
let redis: SwitchedRedis
let example: Running
let inside: Server
let insideUrl: string
let written: string

/** A line of the log. */
interface Line {
  readonly level: number
  readonly event?: string
  readonly requestId?: string
  readonly [name: string]: unknown
}

const debug = 20
const info = 30
const warn = 40
const error = 50

const lines = (): Line[] =>
  written
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line)
const reported = (event: string): Line[] => lines().filter((line) => line.event === event)

async function start(store?: Store): Promise<void> {
  written = ''
  example = await run(async (baseUrl) => {
    const made = createApp({
      baseUrl,
      provider: provider.settings(),
      log: createLog({ level: 'debug', to: { write: (text) => void (written += text) } }),
      secret,
      ...(store && { store }),
    })
    inside = createServer(made.operations)
    insideUrl = await listen(inside)
    return {
      app: made.app,
      stop: async () => {
        await close(inside)
        await made.close()
      },
    }
  })
}

beforeEach(async () => {
  provider = await startTestProvider({
    audience: 'orders',
    refreshTokens: 'rotating',
    accessTokenSeconds: 300,
    // Looked up each time, because tests replace the clock.
    now: () => Date.now(),
  })
  redis = switchedRedis(own.client)
  await start(new RedisSessionStore({ client: redis.client, idleSeconds: 600 }))
})
afterEach(async () => {
  vi.useRealTimers()
  provider.behave()
  await example.stop()
  await provider.stop()
})

async function logIn(user = 'alice'): Promise<UserAgent> {
  const agent = example.agent()
  const requested = await agent.click(await agent.get('/'), 'Log in')
  expect(getHeading(await agent.submit(requested, { button: user }))).toMatch(/^Hello, \w/)
  return agent
}

const ask = async (path: string): Promise<{ status: number; text: string }> => {
  const answer = await fetch(insideUrl + path)
  return { status: answer.status, text: await answer.text() }
}

/** The values of one metric by its labels, without OpenTelemetry's own labels. */
async function counts(name: string): Promise<Record<string, number>> {
  const { text } = await ask('/metrics')
  const found: Record<string, number> = {}
  for (const [, labels = '', value] of text.matchAll(new RegExp(`^${name}\\{(.*)\\} (\\S+)$`, 'gm'))) {
    found[labels.replace(/,?otel_scope_name="[^"]*"/, '')] = Number(value)
  }
  return found
}

describe('a login', () => {
  it('a login and a logout each add a line and a count', async () => {
    const agent = await logIn()
    expect(reported('login_begun')).toMatchObject([{ level: debug, provider: 'default', attempt: 0 }])
    expect(reported('login')).toMatchObject([
      { level: info, provider: 'default', issuer: provider.issuer, sub: 'alice' },
    ])
    await agent.submit(await agent.get('/'), { button: 'Log out' })
    expect(reported('logout')).toMatchObject([
      { level: info, reason: 'user', loginId: reported('login')[0]?.['loginId'] },
    ])
    expect(await counts('oidc_login_begun_total')).toEqual({ 'provider="default",prompt="",attempt="0"': 1 })
    expect(await counts('oidc_login_total')).toEqual({ 'provider="default"': 1 })
    expect(await counts('oidc_logout_total')).toEqual({ 'provider="default",reason="user"': 1 })
  })

  it('a login that the user cancels is logged as failed, but not as an error', async () => {
    provider.deny()
    expect((await example.agent().get('/orders')).status).toBe(403)
    expect(reported('login_failed')).toMatchObject([{ level: info, code: 'authorization_denied', status: 403 }])
    expect(await counts('oidc_login_failed_total')).toEqual({ 'provider="default",code="authorization_denied"': 1 })
  })

  it('a login that fails because of the application is logged as an error', async () => {
    const agent = example.agent()
    provider.signIn('alice')
    const callback = await response(agent, '/orders')
    provider.misbehave({ endpoints: { token: { status: 401, body: { error: 'invalid_client' } } } })
    expect((await agent.get(callback)).status).toBe(500)
    expect(reported('login_failed')).toMatchObject([{ level: error, code: 'client_rejected', status: 500 }])
  })
})

describe('a denied request', () => {
  it('a denied request is logged with user and reason, and counted without them', async () => {
    const agent = await logIn('bob')
    expect((await agent.get('/admin')).status).toBe(403)
    expect(reported('denied')).toMatchObject([
      { level: info, code: 'not_allowed', sub: 'bob', detail: 'missing role: admin' },
    ])
    expect(await counts('oidc_denied_total')).toEqual({ 'provider="default",code="not_allowed"': 1 })
  })

  it('a rejected token is logged and counted', async () => {
    const answer = await fetch(`${example.url}/api/orders`, { headers: { authorization: 'Bearer forged' } })
    expect(answer.status).toBe(401)
    expect(reported('token_rejected')).toMatchObject([{ level: info, code: 'token_invalid', status: 401 }])
    expect(await counts('oidc_token_rejected_total')).toEqual({ 'provider="default",code="token_invalid"': 1 })
  })
})

describe('a refresh', () => {
  it('a refresh adds a debug line, a count and a duration', async () => {
    const agent = await logIn()
    expect(readText(await agent.get('/orders'))).toContain('Tea Biscuits')
    expect(reported('refresh')).toEqual([])
    pass(280)
    expect(readText(await agent.get('/orders'))).toContain('Tea Biscuits')
    const loginId = reported('login')[0]?.['loginId']
    expect(reported('refresh')).toMatchObject([{ level: debug, sub: 'alice', loginId, reason: 'expiry' }])
    const labels = 'provider="default",reason="expiry"'
    expect(await counts('oidc_refresh_total')).toEqual({ [labels]: 1 })
    expect(await counts('oidc_refresh_duration_count')).toEqual({ [labels]: 1 })
    const sum = (await counts('oidc_refresh_duration_sum'))[labels]
    expect(sum).toBeCloseTo(Number(reported('refresh')[0]?.['durationMs']) / 1000, 6)
    const durations = await counts('oidc_provider_request_duration_count')
    expect(durations).toMatchObject({
      'method="POST",grant_type="authorization_code",status="200"': 1,
      'method="POST",grant_type="refresh_token",status="200"': 1,
    })
  })

  it('a refresh that the provider rejects logs the failure and the end of the login', async () => {
    const agent = await logIn()
    pass(280)
    provider.misbehave({ endpoints: { token: { status: 400, body: { error: 'invalid_grant' } } } })
    await agent.fetch('/orders')
    expect(reported('refresh_failed')).toMatchObject([{ level: info, code: 'login_required', sub: 'alice' }])
    expect(reported('logout')).toMatchObject([{ reason: 'refresh_refused' }])
    expect(await counts('oidc_logout_total')).toEqual({ 'provider="default",reason="refresh_refused"': 1 })
  })

  it('a refresh that fails while the provider is down is logged as an error; the page is served', async () => {
    const agent = await logIn()
    pass(280)
    provider.misbehave({ endpoints: { token: { status: 503 } } })
    expect((await agent.get('/orders')).status).toBe(200)
    expect(reported('refresh_failed')).toMatchObject([{ level: error, code: 'provider_unavailable', status: 503 }])
    expect(await counts('oidc_refresh_failed_total')).toEqual({
      'provider="default",reason="expiry",code="provider_unavailable"': 1,
    })
    expect(await counts('oidc_provider_request_duration_count')).toMatchObject({
      'method="POST",grant_type="refresh_token",status="503"': 1,
    })
  })
})

describe('a fault', () => {
  it('a store fault is logged as an error and counted', async () => {
    const agent = await logIn()
    expect(await counts('oidc_store_fault_total')).toEqual({ 'provider="default"': 0 })
    redis.fail()
    expect((await agent.get('/orders')).status).toBe(503)
    redis.heal()
    expect(reported('store_fault')).toMatchObject([{ level: error, detail: 'Error: the store is away (mGet)' }])
    expect(await counts('oidc_store_fault_total')).toEqual({ 'provider="default"': 1 })
    expect((await agent.get('/orders')).status).toBe(200)
  })

  it('a provider fault is logged as an error and counted, with the unanswered requests', async () => {
    await provider.stop()
    expect((await example.agent().get('/orders')).status).toBe(503)
    expect(reported('provider_fault')).toMatchObject([{ level: error }])
    expect(reported('login_failed')).toMatchObject([{ level: error, code: 'provider_unavailable' }])
    expect(await counts('oidc_provider_fault_total')).toEqual({ 'provider="default"': 1 })
    expect(await counts('oidc_provider_request_duration_count')).toEqual({ 'method="GET",error="TypeError"': 1 })
  })
})

describe('the log and the metrics', () => {
  it('the lines of a request have its id, and so do those of its events', async () => {
    const agent = await logIn('bob')
    pass(280)
    await Promise.all(['/orders', '/admin', '/'].map((path) => agent.get(path)))
    await until(() => lines().filter(({ msg }) => msg === 'request').length >= 7, 'all requests are logged')
    const getId = (path: string, status: number): unknown =>
      lines().findLast((line) => line['path'] === path && line['status'] === status)?.requestId
    for (const [event, path, status] of [
      ['login', '/callback', 303],
      ['refresh', '/orders', 200],
      ['denied', '/admin', 403],
    ] as const) {
      expect(reported(event)[0]?.requestId, event).toMatch(/^[-\da-f]{36}$/)
      expect(reported(event)[0]?.requestId, event).toBe(getId(path, status))
    }
    const ids = lines().filter(({ msg }) => msg === 'request')
    expect(new Set(ids.map(({ requestId }) => requestId)).size).toBe(ids.length)
  })

  it('the lines of an aborted request have its id too', async () => {
    const agent = await logIn()
    pass(280)
    const release = provider.misbehave({ endpoints: { token: { hang: true } } })
    const calledOff = new AbortController()
    const cookie = `observed.sid=${agent.jar.get('observed.sid')?.value}`
    const requested = fetch(`${example.url}/orders`, { headers: { cookie }, signal: calledOff.signal })
    requested.catch(() => {})
    await until(() => provider.requestsTo('token').length === 2, 'the refresh has started')
    calledOff.abort()
    await until(() => lines().some(({ msg }) => msg === 'request aborted'), 'the aborted request is logged')
    expect(lines().find(({ msg }) => msg === 'request aborted')).toMatchObject({
      path: '/orders',
      requestId: expect.stringMatching(/^[-\da-f]{36}$/) as string,
    })
    release()
    await until(() => reported('refresh').length + reported('refresh_failed').length === 1, 'the refresh has finished')
  })

  it('the log contains warnings of the process', async () => {
    process.emitWarning('a sample of a warning', {
      code: 'OIDC_SAMPLE',
      type: 'OidcSetupWarning',
      detail: 'See the docs.',
    })
    await nextTurn()
    expect(lines()).toMatchObject([
      {
        level: warn,
        warning: 'OidcSetupWarning',
        code: 'OIDC_SAMPLE',
        msg: 'a sample of a warning',
        detail: 'See the docs.',
      },
    ])
  })

  it('the log and the metrics contain no token, code or secret', async () => {
    const watch = new Watch()
    watch.plant('the client secret', provider.clientSecret)
    watch.plant('the secret of the application', secret)
    provider.misbehave({
      tokenResponse: (body) => {
        for (const name of ['access_token', 'refresh_token', 'id_token']) watch.plant(name, body[name] as string)
        return body
      },
    })
    const agent = await logIn()
    const cookie = agent.jar.get('observed.sid')?.value
    watch.plant('the session cookie', decodeURIComponent(cookie ?? ''))
    pass(280)
    await agent.get('/orders')
    await agent.submit(await agent.get('/'), { button: 'Log out' })
    // Input from outside, valid or not, does not appear either.
    const callback = await response(await logIn('bob'), '/login')
    await example.agent().get(callback)
    const token = await provider.sign({ iss: provider.issuer, aud: 'others', sub: 'bob', exp: 4_000_000_000 })
    watch.plant('a token for others', token)
    await fetch(`${example.url}/api/orders?access_token=${token}`, { headers: { authorization: `Bearer ${token}` } })
    await fetch(`${example.url}/api/orders`, { headers: { authorization: `Bearer ${token}` } })
    for (const { params } of provider.requests) {
      for (const name of ['code', 'code_verifier', 'nonce', 'state']) watch.plant(name, params.get(name))
    }
    expect(watch.secrets).toHaveLength(11)
    expect(
      reported('login').length +
        reported('refresh').length +
        reported('logout').length +
        reported('token_rejected').length,
    ).toBe(6)
    watch.see('the log', written)
    watch.see('the metrics', (await ask('/metrics')).text)
    expect(watch.leaks()).toEqual([])
  })

  it('the metrics identify no user', async () => {
    await logIn()
    const { text } = await ask('/metrics')
    expect(text).toContain('oidc_login_total')
    expect(text).not.toMatch(/alice|loginId|sub=|issuer=|detail=/)
  })
})

describe('the probes', () => {
  it('the application is alive, but not ready until its provider is reachable', async () => {
    await provider.stop()
    expect(await ask('/readyz')).toMatchObject({ status: 503, text: expect.stringContaining('"ok":false') as string })
    await until(() => lines().some(({ msg }) => msg === 'not ready'), 'the reason is logged')
    expect(lines()).toMatchObject([{ level: warn, code: 'provider_unavailable', msg: 'not ready' }])
    expect((await ask('/healthz')).status).toBe(200)
    await provider.start()
    await until(async () => (await ask('/readyz')).status === 200, 'the instance is ready without a login')
  })

  it('the application stays ready while its provider and its store are down later', async () => {
    await until(async () => (await ask('/readyz')).status === 200, 'the instance is ready')
    await provider.stop()
    redis.fail()
    expect(JSON.parse((await ask('/readyz')).text)).toMatchObject({ ok: true, provider: { discovered: true } })
    expect((await ask('/healthz')).status).toBe(200)
  })

  it('the application itself does not serve the probes and metrics', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      expect((await ask(path)).status, path).not.toBe(404)
      expect((await example.agent().get(path)).status, path).toBe(404)
    }
  })
})

it('the example runs with its sessions in memory', async () => {
  await example.stop()
  await start()
  const agent = await logIn()
  expect(readText(await agent.get('/orders'))).toContain('Tea Biscuits')
  expect(reported('login')).toHaveLength(1)
})

it('the example removes its listeners when it is closed', async () => {
  const login = channel('express-session-oidc:login')
  const listeners = process.listenerCount('warning')
  expect(login.hasSubscribers).toBe(true)
  await example.stop()
  expect(login.hasSubscribers).toBe(false)
  expect(process.listenerCount('warning')).toBe(listeners - 1)
  await start()
})
