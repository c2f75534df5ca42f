import { Readable } from 'node:stream'
import type { OidcOptions } from 'express-session-oidc'
import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { listEvents, readLocation } from '../support/flow.ts'

const publicIssuer = 'https://id.example.com'
let provider: TestProvider
let app: TestApp

afterEach(async () => {
  await app.stop()
  await provider.stop()
})

/** Starts a provider known as https://id.example.com, which requests reach only through the option `fetch`. */
async function start(options: Partial<OidcOptions> = {}): Promise<string[]> {
  provider = await startTestProvider({ signIn: 'alice' })
  const here = provider.issuer
  const requested: string[] = []
  provider.misbehave({
    metadata: (given) => JSON.parse(JSON.stringify(given).replaceAll(here, publicIssuer)) as typeof given,
    idToken: { claims: { iss: publicIssuer } },
    authorizationResponse: { iss: publicIssuer },
  })
  const fetch = ((url: string, init: RequestInit) => {
    requested.push(url)
    return globalThis.fetch(url.replace(publicIssuer, here), init)
  }) as typeof globalThis.fetch
  app = await startApp({ provider, options: { issuer: publicIssuer, fetch, ...options } })
  return requested
}

async function logIn(): Promise<number> {
  const agent = app.agent({ proxies: { [publicIssuer]: provider.url } })
  return (await agent.get('/profile')).status
}

describe('the option fetch', () => {
  it('calls the option fetch for all requests to the provider', { meta: { id: 'own-fetch-1' } }, async () => {
    const requested = await start({ userInfo: true })
    expect(await logIn()).toBe(200)
    expect(requested.map((url) => url.replace(publicIssuer, ''))).toEqual([
      '/.well-known/openid-configuration',
      '/token',
      '/jwks',
      '/userinfo',
    ])
  })

  it.each([
    ['has a body that is no ReadableStream', { status: 200, headers: new Headers(), body: Readable.from(['{}']) }],
    ['is no Response of the Fetch Standard', { data: {} }],
    ['is no Response of the Fetch Standard', undefined],
  ])('answers 500 and names the option if what fetch returned %s', async (problem, answer) => {
    await start({ fetch: (async () => answer) as unknown as typeof globalThis.fetch })
    const page = await app.agent().get('/profile')
    expect(page.status).toBe(500)
    expect(page.headers.get('retry-after')).toBeNull()
    expect(page.text()).not.toMatch(/again/i)
    expect(listEvents(app, 'login_failed')).toMatchObject([
      { code: 'setup_invalid', detail: expect.stringContaining(`what \`fetch\` returned ${problem}`) as string },
    ])
  })

  it('calls the option fetch for requests to the endpoints of configured metadata', async () => {
    const endpoint = (path: string): string => publicIssuer + path
    const requested = await start({
      issuer: {
        issuer: publicIssuer,
        authorization_endpoint: endpoint('/authorize'),
        token_endpoint: endpoint('/token'),
        jwks_uri: endpoint('/jwks'),
      },
    })
    expect(await logIn()).toBe(200)
    expect(requested).toEqual([endpoint('/token'), endpoint('/jwks')])
  })

  it(
    'answers 500 if the metadata of an https provider has a plain http endpoint',
    { meta: { id: 'own-fetch-2' } },
    async () => {
      await start()
      provider.misbehave({ metadata: { token_endpoint: 'http://id.example.com/token' } })
      const page = await app.agent().get('/profile')
      expect(page.status).toBe(500)
    },
  )

  it('answers 503 if the option fetch throws, as if the provider were down', async () => {
    await start({
      fetch: async () => {
        throw new Error('no route')
      },
    })
    const page = await app.agent().get('/login', { redirect: 'manual' })
    expect(page.status).toBe(503)
    expect(() => readLocation(page)).toThrow()
  })
})

describe('a provider without an end-session endpoint', () => {
  it('sends no end-session request at a logout, which ends at the application', async () => {
    provider = await startTestProvider({ signIn: 'alice' })
    provider.misbehave({ metadata: { end_session_endpoint: undefined } })
    app = await startApp({ provider })
    const agent = app.agent()
    await agent.get('/profile')
    expect((await agent.post('/logout')).url).toBe(`${app.url}/`)
    expect(provider.requestsTo('end_session')).toEqual([])
    expect((await agent.get('/')).text()).toBe('hello stranger')
  })
})
