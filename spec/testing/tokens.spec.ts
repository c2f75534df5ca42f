import { decodeJwt, decodeProtectedHeader } from 'jose'
import { fetchUserInfo, refreshTokenGrant, tokenIntrospection, tokenRevocation } from 'openid-client'
import { afterEach, describe, expect, it } from 'vitest'
import { createUserAgent, startTestProvider, type TestProvider, type TestProviderOptions } from '../../lib/testing.ts'
import { authorize, callback, challenge, logIn, post, tokenRequest, verifier } from './support/raw.ts'
import { type RelyingParty, startRelyingParty } from './support/relying-party.ts'

let provider: TestProvider
let app: RelyingParty | undefined

async function start(options?: TestProviderOptions): Promise<void> {
  provider = await startTestProvider({ algorithm: 'ES256', signIn: 'alice', ...options })
}

async function startAndLogIn(
  options?: TestProviderOptions,
  params: Record<string, string> = {},
): Promise<RelyingParty> {
  await start(options)
  app = await startRelyingParty(provider, { params })
  const page = await createUserAgent().get(`${app.url}/login`)
  expect(page.status).toBe(200)
  return app
}

function basic(text: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` }
}

afterEach(async () => {
  await app?.stop()
  app = undefined
  await provider.stop()
})

describe('authorization codes', () => {
  const grant_type = 'authorization_code'

  it('a code works once; reuse revokes its tokens', async () => {
    await start()
    const { code } = await authorize(provider)
    const first = (await tokenRequest(provider, { grant_type, code, redirect_uri: callback })).json()
    expect(first).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: 'openid' })
    const second = await tokenRequest(provider, { grant_type, code, redirect_uri: callback })
    expect(second.status).toBe(400)
    expect(second.json()).toMatchObject({ error: 'invalid_grant' })
    const refresh = await tokenRequest(provider, {
      grant_type: 'refresh_token',
      refresh_token: first.refresh_token as string,
    })
    expect(refresh.json()).toMatchObject({ error: 'invalid_grant' })
  })

  it('a code is bound to client, redirect URI and verifier, and expires after a minute', async () => {
    let now = Date.now()
    await start({
      now: () => now,
      clients: [
        { clientId: 'web', clientSecret: 's' },
        { clientId: 'other', clientSecret: 's' },
      ],
    })
    const fails = async (
      given: Record<string, string>,
      params: Record<string, string | undefined>,
    ): Promise<unknown> => {
      const { code } = await authorize(provider, given)
      if ('now' in params) now += 61_000
      const answer = await tokenRequest(provider, {
        grant_type,
        code,
        redirect_uri: callback,
        ...params,
        now: undefined,
      })
      return answer.json().error_description
    }
    const pkce = { code_challenge: challenge, code_challenge_method: 'S256' }
    expect(await fails({}, { client_id: 'other' })).toBe('the code is unknown')
    expect(await fails({}, { redirect_uri: `${callback}2` })).toBe(
      'redirect_uri differs from that of the authorization request',
    )
    expect(await fails({}, { code_verifier: verifier })).toBe('code_verifier does not match code_challenge')
    expect(await fails(pkce, {})).toBe('code_verifier does not match code_challenge')
    expect(await fails(pkce, { code_verifier: `${verifier}x` })).toBe('code_verifier does not match code_challenge')
    expect(await fails({}, { now: '' })).toBe('the code has expired')
    expect(await fails(pkce, { code_verifier: verifier })).toBeUndefined()
    expect(await fails({}, { code: undefined })).toBe('the code is unknown')
  })

  it('a code is invalid once the session has ended', async () => {
    await start()
    const { code } = await authorize(provider)
    provider.endSession('alice')
    const answer = await tokenRequest(provider, { grant_type, code, redirect_uri: callback })
    expect(answer.json()).toMatchObject({ error: 'invalid_grant' })
  })
})

describe('client authentication', () => {
  it('accepts the form-urlencoded secret in the header, as RFC 6749 requires', async () => {
    const clientId = 'a client:with+odd%characters'
    const clientSecret = 'p&ss w\u00f6rd:/+%'
    await start({ clients: [{ clientId, clientSecret }] })
    app = await startRelyingParty(provider)
    expect((await createUserAgent().get(`${app.url}/login`)).json()).toMatchObject({ claims: { aud: clientId } })
  })

  it('rejects invalid credentials and methods', async () => {
    await start({
      clients: [
        { clientId: 'web', clientSecret: 'web-secret' },
        { clientId: 'poster', clientSecret: 's', authMethod: 'client_secret_post' },
        { clientId: 'spa' },
      ],
    })
    const ask = async (params: Record<string, string | undefined>, headers = {}): Promise<unknown[]> => {
      const answer = await tokenRequest(provider, { grant_type: 'refresh_token', ...params }, headers)
      return [answer.status, answer.json().error]
    }
    const bare = { client_id: undefined, client_secret: undefined }
    expect(await ask({ client_secret: 'wrong' })).toEqual([401, 'invalid_client'])
    expect(await ask({ client_secret: undefined })).toEqual([401, 'invalid_client'])
    expect(await ask({ client_id: 'unknown' })).toEqual([401, 'invalid_client'])
    expect(await ask(bare)).toEqual([401, 'invalid_client'])
    expect(await ask(bare, basic('web:wrong'))).toEqual([401, 'invalid_client'])
    expect(await ask(bare, basic('no colon'))).toEqual([401, 'invalid_client'])
    expect(await ask(bare, { authorization: 'Bearer x' })).toEqual([401, 'invalid_client'])
    expect(await ask({ client_secret: undefined, client_id: 'spa' }, basic('web:web-secret'))).toEqual([
      401,
      'invalid_client',
    ])
    expect(await ask({}, basic('web:web-secret'))).toEqual([400, 'invalid_request'])
    expect(await ask(bare, basic('poster:s'))).toEqual([401, 'invalid_client'])
    expect(await ask({ client_id: 'spa' })).toEqual([401, 'invalid_client'])
    expect(await ask(bare, basic('web:web-secret'))).toEqual([400, 'invalid_grant'])
    expect(await ask({ client_id: 'poster', client_secret: 's' })).toEqual([400, 'invalid_grant'])
    expect(await ask({ client_id: 'spa', client_secret: undefined })).toEqual([400, 'invalid_grant'])
  })

  it('rejects unknown grant types and repeated parameters', async () => {
    await start()
    expect((await tokenRequest(provider, { grant_type: 'password' })).json()).toMatchObject({
      error: 'unsupported_grant_type',
    })
    const twice = await createUserAgent().fetch(`${provider.issuer}/token`, {
      method: 'POST',
      body: [...Object.entries({ client_id: 'web', client_secret: 'web-secret' }), ['scope', 'a'], ['scope', 'b']] as [
        string,
        string,
      ][],
    })
    expect(twice.json()).toMatchObject({ error: 'invalid_request' })
  })
})

describe('refresh tokens', () => {
  it('a static refresh token works for the whole login', async () => {
    const app = await startAndLogIn()
    const config = await app.config()
    const token = app.tokens().refresh_token ?? ''
    for (let round = 0; round < 2; round++) {
      const refreshed = await refreshTokenGrant(config, token)
      expect(refreshed.refresh_token).toBeUndefined()
      expect(refreshed.claims()).toMatchObject({ sub: 'alice', sid: app.tokens().claims()?.sid })
      expect(refreshed.claims()?.nonce).toBeUndefined()
      expect(await fetchUserInfo(config, refreshed.access_token, 'alice')).toMatchObject({ sub: 'alice' })
    }
    await expect(refreshTokenGrant(config, `${token}x`)).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  it('a rotating refresh token works once; reuse revokes all tokens of the login', async () => {
    const app = await startAndLogIn({ refreshTokens: 'rotating' })
    const config = await app.config()
    const first = app.tokens().refresh_token ?? ''
    const second = (await refreshTokenGrant(config, first)).refresh_token ?? ''
    expect(second).not.toBe(first)
    const third = (await refreshTokenGrant(config, second)).refresh_token ?? ''
    await expect(refreshTokenGrant(config, first)).rejects.toMatchObject({ error: 'invalid_grant' })
    await expect(refreshTokenGrant(config, third)).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  it('issues no refresh token if refreshTokens is none', async () => {
    const app = await startAndLogIn({ refreshTokens: 'none' })
    expect(app.tokens().refresh_token).toBeUndefined()
  })

  it('a refresh token is invalid when the session has ended or the user is disabled', async () => {
    const app = await startAndLogIn()
    const config = await app.config()
    const refresh = (): Promise<unknown> => refreshTokenGrant(config, app.tokens().refresh_token ?? '')
    provider.disableUser('alice')
    await expect(refresh()).rejects.toMatchObject({ error: 'invalid_grant' })
    provider.enableUser('alice')
    await expect(refresh()).resolves.toBeDefined()
    provider.endSession('bob')
    await expect(refresh()).resolves.toBeDefined()
    provider.endSession('alice')
    await expect(refresh()).rejects.toMatchObject({ error: 'invalid_grant' })
    await expect(fetchUserInfo(config, app.tokens().access_token, 'alice')).rejects.toBeDefined()
  })

  it('a refresh may request less scope, but neither more scope nor another resource', async () => {
    const app = await startAndLogIn({}, { resource: 'https://api.example.com' })
    const config = await app.config()
    const token = app.tokens().refresh_token ?? ''
    expect(decodeJwt(app.tokens().access_token).aud).toBe('https://api.example.com')
    expect((await refreshTokenGrant(config, token, { scope: 'openid email' })).scope).toBe('openid email')
    await expect(refreshTokenGrant(config, token, { scope: 'openid more' })).rejects.toMatchObject({
      error: 'invalid_scope',
    })
    await expect(refreshTokenGrant(config, token, { resource: 'https://other' })).rejects.toMatchObject({
      error: 'invalid_target',
    })
    const { code } = await authorize(provider, { resource: 'https://one' })
    const wrong = await tokenRequest(provider, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: callback,
      resource: 'https://two',
    })
    expect(wrong.json()).toMatchObject({ error: 'invalid_target' })
  })

  it('a refresh may request any resource if the login named none', async () => {
    const app = await startAndLogIn()
    const refreshed = await refreshTokenGrant(
      await app.config(),
      app.tokens().refresh_token ?? '',
      new URLSearchParams([
        ['resource', 'https://a'],
        ['resource', 'https://b'],
      ]),
    )
    expect(decodeJwt(refreshed.access_token).aud).toEqual(['https://a', 'https://b'])
  })
})

describe('issued tokens', () => {
  it('tokens have the times of the clock and the configured lifetimes', async () => {
    const now = Date.UTC(2031, 4, 5)
    await start({ now: () => now, accessTokenSeconds: 60, idTokenSeconds: 90 })
    const tokens = await logIn(provider)
    const seconds = now / 1000
    expect(tokens.expires_in).toBe(60)
    expect(decodeJwt(tokens.access_token as string)).toMatchObject({ iat: seconds, exp: seconds + 60 })
    expect(decodeJwt(tokens.id_token as string)).toMatchObject({ iat: seconds, exp: seconds + 90, auth_time: seconds })
  })

  it('ID tokens have the claims of the granted scope', async () => {
    await start()
    const tokens = await logIn(provider, { scope: 'openid email orders:read' })
    expect(tokens.scope).toBe('openid email orders:read')
    const claims = decodeJwt(tokens.id_token as string)
    expect(claims).toMatchObject({ email: 'alice@example.com', roles: ['admin', 'user'] })
    expect(claims).not.toHaveProperty('name')
    const plain = await logIn(provider, { scope: 'orders:read' })
    expect(plain).not.toHaveProperty('id_token')
  })

  it('grants only scope that the option scopes lists', async () => {
    await start({ scopes: ['openid', 'email'] })
    expect(await logIn(provider, { scope: 'openid email calendar.read' })).toMatchObject({ scope: 'openid email' })
  })

  it('access tokens can follow RFC 9068 or be opaque, with the configured audience and sid', async () => {
    await start({ accessTokens: 'at+jwt', audience: ['orders', 'account'], sid: () => 'a b#c&d%' })
    const tokens = await logIn(provider)
    expect(decodeProtectedHeader(tokens.access_token as string).typ).toBe('at+jwt')
    expect(decodeJwt(tokens.access_token as string).aud).toEqual(['orders', 'account'])
    expect(decodeJwt(tokens.id_token as string).sid).toBe('a b#c&d%')
    await provider.stop()
    await start({ accessTokens: 'opaque' })
    const opaque = (await logIn(provider)).access_token as string
    expect(opaque).not.toContain('.')
    const info = await createUserAgent().fetch(`${provider.issuer}/userinfo`, {
      headers: { authorization: `Bearer ${opaque}` },
    })
    expect(info.json()).toMatchObject({ sub: 'alice' })
  })

  it('issueTokens() issues tokens for any user without a login', async () => {
    await start({
      signIn: undefined,
      users: [{ sub: 'carol', claims: { team: 'x' }, accessTokenClaims: { tier: 3 }, userInfoClaims: { photo: 'y' } }],
    })
    const tokens = await provider.issueTokens('carol', { scope: 'openid a', resource: ['https://api'] })
    expect(decodeJwt(tokens.access_token as string)).toMatchObject({ aud: 'https://api', tier: 3, scope: 'openid a' })
    expect(decodeJwt(tokens.id_token as string)).toMatchObject({ sub: 'carol', team: 'x', aud: 'web' })
    expect(decodeJwt(tokens.id_token as string)).not.toHaveProperty('photo')
    const headers = { authorization: `Bearer ${tokens.access_token as string}` }
    const info = await createUserAgent().fetch(`${provider.issuer}/userinfo`, { headers })
    expect(info.json()).toEqual({ sub: 'carol', team: 'x', photo: 'y' })
    expect(await provider.issueTokens('carol')).toMatchObject({ scope: 'openid profile email' })
    await expect(provider.issueTokens('dave')).rejects.toThrow('the user "dave" does not exist; use one of carol')
  })
})

describe('the userinfo, introspection and revocation endpoints', () => {
  it('userinfo requires a valid token', async () => {
    let now = Date.now()
    await start({ now: () => now })
    const tokens = await logIn(provider)
    const ask = async (init: object): Promise<[number, string | null]> => {
      const answer = await createUserAgent().fetch(`${provider.issuer}/userinfo`, init)
      return [answer.status, answer.headers.get('www-authenticate')]
    }
    const access_token = tokens.access_token as string
    const bearer = (token: unknown): object => ({ headers: { authorization: `Bearer ${token as string}` } })
    expect(await ask({})).toEqual([401, expect.stringMatching(/^Bearer, DPoP algs="ES256 /)])
    expect((await ask(bearer('wrong')))[1]).toContain('invalid_token')
    expect((await ask(bearer((await logIn(provider, { scope: 'x' })).access_token)))[0]).toBe(403)
    expect((await ask({ method: 'POST', body: { access_token } }))[0]).toBe(200)
    expect((await ask({ method: 'POST', body: {} }))[0]).toBe(401)
    now += 300_000
    expect((await ask(bearer(access_token)))[1]).toContain('invalid_token')
  })

  it('introspects and revokes tokens for authenticated clients', async () => {
    const app = await startAndLogIn()
    const config = await app.config()
    const { access_token, refresh_token = '' } = app.tokens()
    expect(await tokenIntrospection(config, access_token)).toMatchObject({
      active: true,
      sub: 'alice',
      client_id: 'web',
      aud: 'account',
      realm_access: { roles: ['admin', 'user'] },
    })
    await tokenRevocation(config, access_token)
    expect(await tokenIntrospection(config, access_token)).toEqual({ active: false })
    const refreshed = await refreshTokenGrant(config, refresh_token)
    await tokenRevocation(config, refresh_token)
    expect(await tokenIntrospection(config, refreshed.access_token)).toEqual({ active: false })
    await tokenRevocation(config, 'unknown')
    expect((await post(provider, '/revoke', { client_secret: 'wrong' })).status).toBe(401)
    expect((await post(provider, '/introspect', { client_secret: 'wrong' })).status).toBe(401)
    expect((await post(provider, '/introspect', {})).json()).toEqual({ active: false })
    expect((await post(provider, '/revoke', {})).status).toBe(200)
  })
})
