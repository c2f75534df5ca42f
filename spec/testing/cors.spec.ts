/** Clients in browsers: responses that scripts of other origins may read, and tokens that their libraries accept. */
import { decodeJwt } from 'jose'
import { afterEach, expect, it } from 'vitest'
import { createUserAgent, startTestProvider, type TestProvider, type TestProviderOptions } from '../../lib/testing.ts'
import { authorize, callback, challenge, verifier } from './support/raw.ts'

let provider: TestProvider

async function start(options: TestProviderOptions = {}): Promise<void> {
  provider = await startTestProvider({
    algorithm: 'ES256',
    clients: [{ clientId: 'spa' }],
    signIn: 'alice',
    ...options,
  })
}

afterEach(() => provider.stop())

const origin = 'https://app.example.com'
const at = (path: string, method = 'GET', headers: Record<string, string> = { origin }): Promise<Response> =>
  fetch(provider.issuer + path, { method, headers, redirect: 'manual' })

async function exchange(params: Record<string, string>): Promise<Response> {
  return fetch(`${provider.issuer}/token`, {
    method: 'POST',
    headers: { origin },
    body: new URLSearchParams({ client_id: 'spa', ...params }),
  })
}

async function tokens(more: Record<string, string> = {}): Promise<Record<string, string>> {
  const pkce = { code_challenge: challenge, code_challenge_method: 'S256' }
  const { code = '' } = await authorize(provider, { ...pkce, ...more })
  const grant_type = 'authorization_code'
  const answer = await exchange({ grant_type, code, redirect_uri: callback, code_verifier: verifier })
  expect(answer.status).toBe(200)
  return (await answer.json()) as Record<string, string>
}

it.each([
  ['GET', '/.well-known/openid-configuration', 200],
  ['GET', '/jwks', 200],
  ['POST', '/token', 401],
  ['GET', '/userinfo', 401],
  ['POST', '/revoke', 401],
  ['POST', '/par', 401],
])('%s %s lets scripts of any origin read the response, whatever its status', async (method, path, status) => {
  await start()
  const answer = await at(path, method)
  expect(answer.status).toBe(status)
  expect(answer.headers.get('access-control-allow-origin')).toBe(origin)
  // keycloak-js sends its requests with credentials, for which "*" is not enough (Fetch 3.2.5).
  expect(answer.headers.get('access-control-allow-credentials')).toBe('true')
  expect(answer.headers.get('access-control-expose-headers')).toBe('WWW-Authenticate, DPoP-Nonce')
  expect(answer.headers.get('vary')).toBe('Origin')
  const unasked = await at(path, method, {})
  expect(unasked.headers.get('access-control-allow-origin')).toBeNull()
  expect(unasked.headers.get('vary')).toBe('Origin')
})

it.each(['/authorize', '/login', '/logout', '/introspect', '/nowhere'])(
  '%s does not let scripts of other origins read the response',
  async (path) => {
    await start()
    expect((await at(path, 'POST')).headers.get('access-control-allow-origin')).toBeNull()
    const requested = { origin, 'access-control-request-method': 'POST' }
    const preflight = await at(path, 'OPTIONS', requested)
    expect(preflight.status).toBeGreaterThanOrEqual(400)
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull()
  },
)

it('the test provider answers preflight requests without recording them or applying faults', async () => {
  await start()
  provider.misbehave({ endpoints: { userinfo: { status: 500, times: 1 } } })
  const requested = {
    origin,
    'access-control-request-method': 'GET',
    'access-control-request-headers': 'authorization',
  }
  const preflight = await at('/userinfo', 'OPTIONS', requested)
  expect(preflight.status).toBe(204)
  expect(preflight.headers.get('access-control-allow-origin')).toBe(origin)
  expect(preflight.headers.get('access-control-allow-methods')).toBe('GET, POST')
  expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization')
  expect(provider.requests).toEqual([])
  // A script can read the response with the fault, and not only a network error.
  const failed = await at('/userinfo')
  expect(failed.status).toBe(500)
  expect(failed.headers.get('access-control-allow-origin')).toBe(origin)
  // Without Access-Control-Request-Method, OPTIONS is not a preflight request.
  expect((await at('/userinfo', 'OPTIONS')).status).toBe(405)
  expect(provider.requestsTo('userinfo')).toHaveLength(2)
})

it('a public client redeems a code with PKCE, and revokes its tokens', async () => {
  await start({ refreshTokens: 'rotating' })
  const { refresh_token: token = '' } = await tokens()
  const body = new URLSearchParams({ client_id: 'spa', token })
  await fetch(`${provider.issuer}/revoke`, { method: 'POST', headers: { origin }, body })
  const renewal = await exchange({ grant_type: 'refresh_token', refresh_token: token })
  expect(await renewal.json()).toMatchObject({ error: 'invalid_grant' })
})

it('refresh tokens are JWTs, which keycloak-js can read, if refreshTokenForm is jwt', async () => {
  await start({ refreshTokens: 'rotating', refreshTokenForm: 'jwt' })
  const first = await tokens({ nonce: 'n1' })
  const claims = decodeJwt(first['refresh_token'] ?? '')
  expect(claims).toMatchObject({ iss: provider.issuer, sub: 'alice', typ: 'Refresh', azp: 'spa', nonce: 'n1' })
  const renew = (): Promise<Response> =>
    exchange({ grant_type: 'refresh_token', refresh_token: first['refresh_token'] ?? '' })
  const second = (await (await renew()).json()) as Record<string, string>
  expect(decodeJwt(second['refresh_token'] ?? '').jti).not.toBe(claims.jti)
  expect((await renew()).status).toBe(400)
})

it('refresh tokens are opaque by default, and an unknown refreshTokenForm is rejected', async () => {
  await start()
  const { refresh_token: token = '' } = await tokens()
  expect(() => decodeJwt(token)).toThrow()
  await expect(startTestProvider({ refreshTokenForm: 'jwe' as 'jwt' })).rejects.toThrow(/refreshTokenForm/)
})

it('access tokens have acr and auth_time (RFC 9068 2.2.1), even after a step-up', async () => {
  let now = Date.now()
  await start({ now: () => now })
  const agent = createUserAgent()
  const getAcr = async (params: Record<string, string>): Promise<unknown> => {
    const pkce = { code_challenge: challenge, code_challenge_method: 'S256' }
    const { code = '' } = await authorize(provider, { ...pkce, ...params }, agent)
    const grant_type = 'authorization_code'
    const answer = await exchange({ grant_type, code, redirect_uri: callback, code_verifier: verifier })
    const { access_token: token } = (await answer.json()) as { access_token: string }
    const { acr, auth_time: authTime } = decodeJwt(token)
    return [acr, authTime]
  }
  const first = Math.floor(now / 1000)
  expect(await getAcr({})).toEqual(['1', first])
  now += 100_000
  expect(await getAcr({})).toEqual(['1', first])
  expect(await getAcr({ acr_values: 'gold' })).toEqual(['gold', first + 100])
  now += 400_000
  expect(await getAcr({ acr_values: 'gold', max_age: '300' })).toEqual(['gold', first + 500])
})
