/** Walks through the demo without a real browser: its pages and its responses. */
import { RedisSessionStore } from 'express-session-oidc/redis'
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createApp } from '../../examples/demo/app.js'
import { EnvironmentError, readEnvironment } from '../../examples/demo/environment.js'
import { startProvider } from '../../examples/demo/provider.js'
import { redisForFile } from '../support/redis.ts'
import { getHeading, logOut, run, readText, type Running } from './steps.ts'

const redis = redisForFile()

async function logIn(agent: UserAgent, path: string, user: string): Promise<UserAgentResponse> {
  const requested = await agent.get(path)
  expect(getHeading(requested)).toBe('Who are you?')
  return agent.submit(requested, { button: user })
}

describe.each(['memory', 'Redis'])('the demo with its sessions in %s', (where) => {
  let demo: Running

  beforeAll(async () => {
    demo = await run(async (baseUrl) => {
      const client = { client_id: 'demo', client_secret: 'the secret of the demo and of nothing else' }
      const provider = await startProvider({
        clients: [{ ...client, redirect_uris: [`${baseUrl}/callback`], post_logout_redirect_uris: [`${baseUrl}/`] }],
      })
      const { issuer, users, close } = provider
      const app = createApp({
        baseUrl,
        provider: { issuer, clientId: client.client_id, clientSecret: client.client_secret, users },
        ...(where === 'Redis' && { store: new RedisSessionStore({ client: redis.client, idleSeconds: 60 }) }),
      })
      return { app, stop: close }
    })
  })
  afterAll(() => demo.stop())

  it('shows an anonymous visitor who can log in', async () => {
    const page = await demo.agent().get('/')
    expect(page.status).toBe(200)
    expect(getHeading(page)).toBe('Log in to see what an application learns about you')
    expect(readText(page)).toContain('Alice Arden can log in, with the roles admin user')
    expect(readText(page)).toContain(`Sessions: ${where}`)
    expect(page.cookiesSet).toEqual([])
    expect(page.headers.get('cache-control')).toBe('no-store')
  })

  it('logs in and shows the user with all claims', async () => {
    const agent = demo.agent()
    const requested = await agent.click(await agent.get('/'), 'Log in')
    const page = await agent.submit(requested, { button: 'alice' })
    expect(page.url).toBe(`${demo.url}/`)
    expect(getHeading(page)).toBe('Hello, Alice Arden')
    const text = readText(page)
    for (const said of ['alice@example.com', 'openid profile email', 'admin, user', 'email_verified']) {
      expect(text).toContain(said)
    }
    expect(page.text()).not.toContain('eyJ')
    expect((await agent.get('/admin')).status).toBe(200)
    expect((await agent.fetch('/api/time')).json()).toMatchObject({ user: 'alice' })
  })

  it('answers a missing role with 403', async () => {
    const agent = demo.agent()
    const refused = await logIn(agent, '/admin', 'bob')
    expect(refused.status).toBe(403)
    expect(refused.url).toBe(`${demo.url}/admin`)
    expect(getHeading(refused)).toBe('You may not open this page')
    expect((await agent.get('/admin')).hops).toHaveLength(1)
    expect(getHeading(await agent.get('/members'))).toBe('Members')
    expect(readText(await agent.get('/'))).toContain('403 for you')
  })

  it('requests one more scope, which the user may refuse or grant', async () => {
    const agent = demo.agent()
    await logIn(agent, '/members', 'bob')
    const refused = await agent.submit(await agent.get('/connect/calendar'), { button: 'refuse' })
    expect(refused.status).toBe(403)
    expect(getHeading(refused)).toBe('The login was canceled')
    expect(readText(await agent.get('/'))).not.toContain('granted')
    const consent = await agent.get('/connect/calendar')
    expect(readText(consent)).toContain('Read your calendar')
    const granted = await agent.submit(consent, { button: 'allow' })
    expect(granted.url).toBe(`${demo.url}/#scope`)
    expect(readText(granted)).toContain('granted')
    expect(getHeading(granted)).toBe('Hello, Bob Birch')
  })

  it('logs out here and at the provider; then a script gets 401, and a page starts a login', async () => {
    const agent = demo.agent()
    await logIn(agent, '/members', 'alice')
    const left = await logOut(agent, await agent.get('/'))
    expect(left.url).toMatch(`${demo.url}/?state=`)
    expect(getHeading(left)).toBe('Log in to see what an application learns about you')
    const answer = await agent.fetch('/api/time')
    expect(answer.status).toBe(401)
    expect(answer.json()).toMatchObject({
      code: 'login_required',
      login: expect.stringContaining(`${demo.url}/login`) as string,
    })
    expect(getHeading(await agent.get('/members'))).toBe('Who are you?')
  })

  it('has pages for a canceled login and for an unknown address, and an icon', async () => {
    const agent = demo.agent()
    const cancelled = await logIn(agent, '/members', 'Cancel')
    expect(cancelled.status).toBe(403)
    const missing = await agent.get('/nowhere')
    expect(missing.status).toBe(404)
    expect(getHeading(missing)).toBe('There is no such page')
    expect((await agent.get('/favicon.ico')).headers.get('content-type')).toContain('image/svg+xml')
  })
})

describe('readEnvironment()', () => {
  it('accepts an empty environment', () => {
    expect(readEnvironment({})).toEqual({ port: undefined, redisUrl: undefined, provider: undefined })
  })

  it('returns the settings in the environment', () => {
    const OIDC_ISSUER = 'https://id.example.com/realms/acme'
    const env = {
      PORT: '0',
      REDIS_URL: 'redis://127.0.0.1',
      OIDC_ISSUER,
      OIDC_CLIENT_ID: 'web',
      OIDC_CLIENT_SECRET: 's',
    }
    expect(readEnvironment(env)).toEqual({
      port: 0,
      redisUrl: 'redis://127.0.0.1',
      provider: { issuer: OIDC_ISSUER, clientId: 'web', clientSecret: 's' },
    })
  })

  it.each([
    [{ PORT: 'http' }, "PORT is 'http'"],
    [{ PORT: '70000' }, "PORT is '70000'"],
    [{ REDIS_URL: 'localhost:6379' }, 'REDIS_URL is not the URL of a Redis server'],
    [{ OIDC_CLIENT_ID: 'web' }, 'OIDC_CLIENT_ID is set, but not OIDC_ISSUER and OIDC_CLIENT_SECRET'],
    [
      { OIDC_ISSUER: 'id.example.com', OIDC_CLIENT_ID: 'a', OIDC_CLIENT_SECRET: 'b' },
      "OIDC_ISSUER is 'id.example.com'",
    ],
    [{ OIDC_ISSUER: 'http://id.example.com', OIDC_CLIENT_ID: 'a', OIDC_CLIENT_SECRET: 'b' }, 'must use https'],
    [
      { OIDC_ISSUER: 'https://a.test/.well-known/openid-configuration', OIDC_CLIENT_ID: 'a', OIDC_CLIENT_SECRET: 'b' },
      'remove /.well-known/ and what follows it',
    ],
  ])('rejects %j with the fix', (env, words) => {
    expect(() => readEnvironment(env)).toThrow(EnvironmentError)
    expect(() => readEnvironment(env)).toThrow(words)
  })

  it('reports all errors at once', () => {
    expect(() => readEnvironment({ PORT: 'x', REDIS_URL: 'y', OIDC_CLIENT_ID: 'z' })).toThrow(
      /PORT is[\s\S]*REDIS_URL is not[\s\S]*OIDC_CLIENT_ID is set/,
    )
  })
})
