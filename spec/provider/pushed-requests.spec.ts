import { startTestProvider, type TestProvider, type TestProviderOptions } from 'express-session-oidc/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { startApp, type AppSetup, type TestApp } from '../support/app.ts'
import { readLocation, listEvents } from '../support/flow.ts'
import { patience } from '../support/misbehaviour.ts'

let provider: TestProvider
let app: TestApp

afterEach(async () => {
  provider.behave()
  await app.stop()
  await provider.stop()
})

async function start(pushed: TestProviderOptions['pushedRequests'], setup: Partial<AppSetup> = {}): Promise<void> {
  provider = await startTestProvider({ signIn: 'alice', algorithm: 'ES256', pushedRequests: pushed })
  app = await startApp({ provider, ...setup })
}

async function authorization(page: string): Promise<Record<string, string>> {
  const begun = await app.agent().get(page, { redirect: 'manual' })
  return Object.fromEntries(new URL(readLocation(begun)).searchParams)
}

describe('a pushed authorization request', () => {
  it(
    'pushes the authorization request if the provider requires it',
    { meta: { id: 'pushed-requests-1' } },
    async () => {
      await start('required')
      expect(await authorization('/login')).toEqual({
        client_id: 'web',
        request_uri: expect.stringMatching(/^urn:/) as string,
      })
      expect((await app.agent().get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
      const [push] = provider.requestsTo('par')
      expect(push?.headers['authorization']).toMatch(/^Basic /)
      expect(Object.fromEntries(push?.params ?? [])).toMatchObject({
        response_type: 'code',
        redirect_uri: `${app.url}/callback`,
        code_challenge_method: 'S256',
        state: expect.any(String) as string,
        nonce: expect.any(String) as string,
      })
    },
  )

  it('pushes the parameters of the route if the option par is true', async () => {
    await start('offered', {
      options: { par: true },
      routes: (express, oidc) => void express.get('/connect', oidc.login({ scope: 'openid x', loginHint: 'alice' })),
    })
    expect(Object.keys(await authorization('/connect')).toSorted()).toEqual(['client_id', 'request_uri'])
    const [push] = provider.requestsTo('par')
    expect(push?.params.get('scope')).toBe('openid x')
    expect(push?.params.get('login_hint')).toBe('alice')
  })

  it('does not push the authorization request if the provider only offers it', async () => {
    await start('offered')
    expect(await authorization('/login')).toHaveProperty('redirect_uri')
    expect(provider.requestsTo('par')).toEqual([])
  })

  it('pushes the authorization request if the provider requires it, even if the option par is false', async () => {
    await start('required', { options: { par: false } })
    expect(await authorization('/login')).toHaveProperty('request_uri')
  })

  it('answers an error and begins no login if the provider has no PAR endpoint', async () => {
    await start('none', { options: { par: true } })
    const agent = app.agent()
    const page = await agent.get('/login', { redirect: 'manual' })
    expect(page.status).toBeGreaterThanOrEqual(500)
    expect(page.cookiesSet).toEqual([])
    expect(page.text()).not.toContain('request_uri')
  })

  it.each([
    ['is down', { status: 500 }, 503],
    ['answers an HTML page', { html: true, status: 201 }, 503],
    ['hangs', { hang: true }, 503],
    ['rejects the request', { status: 400, body: { error: 'invalid_request' } }, 500],
    ['returns no request_uri', { status: 201, body: { expires_in: 60 } }, 502],
  ])('begins no login if the PAR endpoint %s, and the next attempt works', async (_name, par, status) => {
    await start('required', { options: { providerTimeoutSeconds: patience(par) } })
    provider.misbehave({ endpoints: { par } })
    const agent = app.agent()
    const page = await agent.get('/profile', { redirect: 'manual' })
    expect(page.status).toBe(status)
    expect(page.cookiesSet).toEqual([])
    if (status === 503) expect(listEvents(app, 'provider_fault')).toHaveLength(1)
    provider.behave()
    expect((await agent.get('/profile')).status).toBe(200)
  })
})
