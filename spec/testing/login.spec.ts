import { decodeJwt, decodeProtectedHeader } from 'jose'
import { ClientSecretPost, fetchUserInfo } from 'openid-client'
import { afterEach, describe, expect, it } from 'vitest'
import { createUserAgent, startTestProvider, type TestProvider, type TestProviderOptions } from '../../lib/testing.ts'
import { authorize, authorizeUrl, callback, challenge, getResponse } from './support/raw.ts'
import { type RelyingParty, type RelyingPartyOptions, startRelyingParty } from './support/relying-party.ts'

let provider: TestProvider
let app: RelyingParty | undefined

async function start(options?: TestProviderOptions): Promise<void> {
  provider = await startTestProvider({ algorithm: 'ES256', ...options })
}

async function startBoth(options?: TestProviderOptions, appOptions?: RelyingPartyOptions): Promise<RelyingParty> {
  await start(options)
  app = await startRelyingParty(provider, appOptions)
  return app
}

afterEach(async () => {
  await app?.stop()
  app = undefined
  await provider.stop()
})

describe('a login with the authorization code flow', () => {
  it('logs in the user at the keyboard', { meta: { id: 'login-14' } }, async () => {
    const app = await startBoth({ algorithm: 'RS256' })
    provider.signIn('alice')
    const page = await createUserAgent().get(`${app.url}/login`)
    expect(page.json()).toMatchObject({
      claims: {
        iss: provider.issuer,
        sub: 'alice',
        aud: 'web',
        name: 'Alice Adams',
        email: 'alice@example.com',
        roles: ['admin', 'user'],
        acr: '1',
        sid: expect.any(String) as string,
        at_hash: expect.any(String) as string,
      },
      scope: 'openid profile email',
    })
    const info = await fetchUserInfo(await app.config(), app.tokens().access_token, 'alice')
    expect(info).toMatchObject({ preferred_username: 'alice', roles: ['admin', 'user'] })
    expect(decodeJwt(app.tokens().access_token)).toMatchObject({
      iss: provider.issuer,
      aud: 'account',
      azp: 'web',
      client_id: 'web',
      scope: 'openid profile email',
      realm_access: { roles: ['admin', 'user'] },
    })
    expect(decodeProtectedHeader(app.tokens().access_token).typ).toBe('JWT')
  })

  it('shows a login page if nobody is at the keyboard, and remembers the browser afterwards', async () => {
    const app = await startBoth()
    const agent = createUserAgent()
    const page = await agent.get(`${app.url}/login`)
    expect(page.status).toBe(200)
    expect(page.text()).toContain('Who are you?')
    expect(page.headers.get('cache-control')).toBe('no-store')
    const first = (await agent.submit(page, { button: 'Bob Brown' })).json()
    expect(first).toMatchObject({ claims: { sub: 'bob' } })
    const second = (await agent.get(`${app.url}/login`)).json()
    expect(second).toMatchObject({ claims: { sub: 'bob', sid: (first.claims as { sid: string }).sid } })
    expect((await createUserAgent().get(`${app.url}/login`)).text()).toContain('Who are you?')
  })

  it('reports access_denied to the client when the user cancels', async () => {
    const app = await startBoth()
    const agent = createUserAgent()
    const page = await agent.get(`${app.url}/login`)
    const answer = await agent.submit(page, { button: 'Cancel' })
    expect(answer.json()).toMatchObject({ error: 'access_denied' })
    const again = await agent.submit(page, { button: 'alice' })
    expect(again.status).toBe(400)
    expect(again.text()).toContain('already completed')
  })

  it('responds by form_post, with a button for browsers without scripts', async () => {
    const app = await startBoth({ signIn: 'bob' }, { params: { response_mode: 'form_post' } })
    const agent = createUserAgent()
    const page = await agent.get(`${app.url}/login`, { followForms: false })
    expect(page.headers.get('content-security-policy')).toMatch(/script-src 'nonce-/)
    expect((await agent.submit(page, { button: 'Continue' })).json()).toMatchObject({ method: 'POST' })
    expect((await agent.get(`${app.url}/login`)).json()).toMatchObject({ claims: { sub: 'bob' }, method: 'POST' })
  })

  it('accepts a public client with PKCE only', async () => {
    const app = await startBoth({ clients: [{ clientId: 'spa' }], signIn: 'alice' })
    expect((await createUserAgent().get(`${app.url}/login`)).json()).toMatchObject({ claims: { aud: 'spa' } })
    expect(await authorize(provider, { scope: 'openid' })).toMatchObject({ error: 'invalid_request' })
  })

  it('accepts a confidential client without PKCE, with its secret in the form', async () => {
    const app = await startBoth({ signIn: 'alice' }, { pkce: false, auth: ClientSecretPost })
    expect((await createUserAgent().get(`${app.url}/login`)).json()).toMatchObject({ claims: { sub: 'alice' } })
  })

  it('works with an issuer with a path and a host name', async () => {
    const app = await startBoth({ path: '/realms/acme', hostname: 'localhost', signIn: 'alice' })
    expect(provider.issuer).toBe(`${provider.url}/realms/acme`)
    expect(provider.url).toMatch(/^http:\/\/localhost:\d+$/)
    const page = await createUserAgent().get(`${app.url}/login`)
    expect(page.json()).toMatchObject({ claims: { iss: provider.issuer } })
    expect(page.cookiesSet).toMatchObject([{ domain: 'localhost', path: '/realms/acme' }])
    const url = `${provider.url}/.well-known/oauth-authorization-server/realms/acme`
    expect((await createUserAgent().fetch(url)).json()).toMatchObject({ issuer: provider.issuer })
  })

  it.each(['PS256', 'ES512', 'EdDSA'])('signs tokens with %s', async (algorithm) => {
    const app = await startBoth({ algorithm, signIn: 'alice' })
    expect((await createUserAgent().get(`${app.url}/login`)).json()).toMatchObject({ claims: { sub: 'alice' } })
    expect(decodeProtectedHeader(app.tokens().id_token ?? '')).toMatchObject({ alg: algorithm, typ: 'JWT' })
  })
})

describe('single sign-on', () => {
  it('follows prompt and max_age, by the clock of the test', async () => {
    let now = Date.UTC(2030, 0, 1)
    await start({ now: () => now })
    const agent = createUserAgent()
    const ask = (params: Record<string, string>): Promise<Record<string, string>> => authorize(provider, params, agent)
    expect(await ask({ prompt: 'none' })).toMatchObject({ error: 'login_required', state: 'the-state' })
    provider.signIn('alice')
    expect(await ask({ prompt: 'none' })).toMatchObject({ error: 'login_required' })
    const { session_state: sid } = await ask({})
    expect(await ask({ prompt: 'none' })).toMatchObject({ session_state: sid })
    now += 60_000
    expect(await ask({ prompt: 'none', max_age: '60' })).toMatchObject({ session_state: sid })
    expect(await ask({ prompt: 'none', max_age: '59' })).toMatchObject({ error: 'login_required' })
    expect(await ask({ prompt: 'none', max_age: '0' })).toMatchObject({ error: 'login_required' })
    await ask({ prompt: 'login' })
    expect(await ask({ prompt: 'none', max_age: '59' })).toMatchObject({ session_state: sid })
  })

  it.each(['select_account', 'login'])('changes the user with prompt=%s', async (prompt) => {
    await start({ signIn: 'alice' })
    const agent = createUserAgent()
    const alice = await authorize(provider, {}, agent)
    provider.signIn('bob')
    expect((await authorize(provider, {}, agent)).session_state).toBe(alice.session_state)
    const bob = await authorize(provider, { prompt }, agent)
    expect(bob.session_state).not.toBe(alice.session_state)
    const idToken = async (sub: string): Promise<string> => provider.sign({ sub })
    const silent = { prompt: 'none' }
    expect(await authorize(provider, { ...silent, id_token_hint: await idToken('bob') }, agent)).toHaveProperty('code')
    expect(await authorize(provider, { ...silent, id_token_hint: await idToken('alice') }, agent)).toMatchObject({
      error: 'login_required',
    })
  })

  it('expects the user of login_hint or id_token_hint', async () => {
    await start({ signIn: 'alice' })
    const agent = createUserAgent()
    const alice = await authorize(provider, {}, agent)
    const hinted = (params: Record<string, string>): Promise<Record<string, string>> =>
      authorize(provider, { prompt: 'none', ...params }, agent)
    expect(await hinted({ login_hint: 'bob@example.com' })).toMatchObject({ error: 'login_required' })
    expect(await hinted({ login_hint: 'alice' })).toMatchObject({ session_state: alice.session_state })
    expect(await hinted({ login_hint: 'nobody' })).toMatchObject({ session_state: alice.session_state })
    expect(await hinted({ id_token_hint: await provider.sign({ sub: 'bob' }) })).toMatchObject({
      error: 'login_required',
    })
    expect(await hinted({ id_token_hint: 'rubbish' })).toMatchObject({ session_state: alice.session_state })
    await authorize(provider, { login_hint: 'bob' }, agent)
    expect(await hinted({ login_hint: 'bob' })).toHaveProperty('code')
    provider.signIn(undefined)
    const page = await agent.get(authorizeUrl(provider, { login_hint: 'alice' }))
    expect(page.text()).toContain('Alice Adams')
    expect(page.text()).not.toContain('Bob Brown')
  })

  it('steps up when another acr is requested', async () => {
    const app = await startBoth({ signIn: 'alice' })
    const agent = createUserAgent()
    const acr = async (query: string): Promise<unknown> => {
      const { claims } = (await agent.get(`${app.url}/login${query}`)).json()
      return (claims as { acr: string } | undefined)?.acr
    }
    expect(await acr('')).toBe('1')
    expect(await acr('?acr_values=gold+silver&prompt=none')).toBeUndefined()
    expect(await acr('?acr_values=gold+silver')).toBe('gold')
    expect(await acr('')).toBe('gold')
    expect(await acr('?prompt=login')).toBe('gold')
  })

  it('asks for consent on a page if nobody is at the keyboard', async () => {
    const app = await startBoth({ signIn: 'alice' }, { params: { prompt: 'consent' } })
    const agent = createUserAgent()
    expect((await agent.get(`${app.url}/login`)).json()).toMatchObject({ claims: { sub: 'alice' } })
    provider.signIn(undefined)
    const page = await agent.get(`${app.url}/login`)
    expect(page.text()).toContain('Do you agree?')
    const allowed = await agent.submit(page, { button: 'Allow, as Alice Adams' })
    expect(allowed.json()).toMatchObject({ claims: { sub: 'alice' } })
    const cancelled = await agent.submit(await agent.get(`${app.url}/login`), { button: 'Cancel' })
    expect(cancelled.json()).toMatchObject({ error: 'access_denied' })
  })

  it('separates the sessions of providers on one host', async () => {
    await start({ signIn: 'alice' })
    const other = await startTestProvider({ algorithm: 'ES256', signIn: 'bob' })
    const agent = createUserAgent()
    const mine = await authorize(provider, {}, agent)
    await authorize(other, {}, agent)
    expect((await authorize(provider, { prompt: 'none' }, agent)).session_state).toBe(mine.session_state)
    await other.stop()
  })
})

describe('the authorization endpoint', () => {
  it('denies the next authorization requests after deny()', async () => {
    await start({ signIn: 'alice' })
    provider.deny()
    provider.deny('temporarily_unavailable', 'try later')
    expect(await authorize(provider)).toMatchObject({ error: 'access_denied', iss: provider.issuer })
    expect(await authorize(provider)).toMatchObject({
      error: 'temporarily_unavailable',
      error_description: 'try later',
    })
    expect(await authorize(provider)).toHaveProperty('code')
  })

  it('does not log in a disabled user', async () => {
    await start({ signIn: 'alice' })
    const agent = createUserAgent()
    await authorize(provider, {}, agent)
    provider.disableUser('alice')
    expect(await authorize(provider, { prompt: 'none' }, agent)).toMatchObject({ error: 'login_required' })
    expect(await authorize(provider, {}, agent)).toMatchObject({ error: 'access_denied' })
    provider.signIn(undefined)
    const page = await agent.submit(await agent.get(authorizeUrl(provider)), { button: 'alice', redirect: 'manual' })
    expect(page.status).toBe(403)
    expect(page.text()).toContain('This account is disabled.')
    provider.enableUser('alice')
    expect(getResponse(await agent.submit(page, { button: 'alice', redirect: 'manual' }))).toHaveProperty('code')
  })

  it('never redirects to an unregistered redirect URI', async () => {
    await start({
      clients: [
        { clientId: 'web', clientSecret: 'x' },
        { clientId: 'strict', clientSecret: 'x', redirectUris: ['https://app.example.com/callback'] },
      ],
    })
    const get = async (params: Record<string, string | undefined>): Promise<number> =>
      (await createUserAgent().get(authorizeUrl(provider, params), { redirect: 'manual' })).status
    expect(await get({ client_id: '<script>' })).toBe(400)
    expect(await get({ client_id: undefined })).toBe(400)
    expect(await get({ redirect_uri: undefined })).toBe(400)
    expect(await get({ redirect_uri: 'https://app.example.com/callback' })).toBe(400)
    expect(await get({ redirect_uri: 'javascript:alert(1)' })).toBe(400)
    expect(await get({ redirect_uri: 'not a url' })).toBe(400)
    expect(await get({ redirect_uri: `${callback}#fragment` })).toBe(400)
    expect(await get({ client_id: 'strict' })).toBe(400)
    expect(await get({ redirect_uri: 'http://[::1]:1/x' })).toBe(200)
    expect(await get({ client_id: 'strict', redirect_uri: 'https://app.example.com/callback' })).toBe(200)
    const page = await createUserAgent().get(authorizeUrl(provider, { client_id: '<script>' }))
    expect(page.text()).not.toContain('<script>')
  })

  it.each<[string, Record<string, string | undefined>, string]>([
    ['another response type', { response_type: 'token' }, 'unsupported_response_type'],
    ['an unknown response mode', { response_mode: 'fragment' }, 'invalid_request'],
    ['a request object', { request: 'e30.e30.' }, 'request_not_supported'],
    ['a method without a challenge', { code_challenge_method: 'S256' }, 'invalid_request'],
    ['the plain method', { code_challenge: challenge, code_challenge_method: 'plain' }, 'invalid_request'],
    ['a malformed challenge', { code_challenge: 'short', code_challenge_method: 'S256' }, 'invalid_request'],
    ['an unknown prompt', { prompt: 'dance' }, 'invalid_request'],
    ['prompt none with another value', { prompt: 'none login' }, 'invalid_request'],
    ['a max_age that is not a number', { max_age: 'soon' }, 'invalid_request'],
    ['a negative max_age', { max_age: '-1' }, 'invalid_request'],
  ])('reports %s to the client', async (_name, params, error) => {
    await start({ signIn: 'alice' })
    expect(await authorize(provider, params)).toMatchObject({ error, state: 'the-state', iss: provider.issuer })
  })

  it('reports a repeated parameter to the client, and works without a state', async () => {
    await start({ signIn: 'alice' })
    const agent = createUserAgent()
    const twice = await agent.get(`${authorizeUrl(provider)}&nonce=1&nonce=2`, { redirect: 'manual' })
    expect(getResponse(twice)).toMatchObject({
      error: 'invalid_request',
      error_description: 'nonce appears more than once',
    })
    expect((await agent.get(`${authorizeUrl(provider)}&redirect_uri=${callback}`)).status).toBe(400)
    const { code, ...rest } = await authorize(provider, { state: undefined, redirect_uri: `${callback}?kept=yes` })
    expect(code).toBeDefined()
    expect(rest).toEqual({ kept: 'yes', iss: provider.issuer, session_state: expect.any(String) as string })
  })

  it('expires a login page after an hour', async () => {
    let now = Date.now()
    await start({ now: () => now })
    const agent = createUserAgent()
    const page = await agent.get(authorizeUrl(provider))
    now += 3_601_000
    expect((await agent.submit(page, { button: 'alice' })).status).toBe(400)
  })
})
