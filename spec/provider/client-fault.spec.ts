import { startTestProvider, type TestEndpointFault, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { resolveOptions } from '../../lib/config/resolve.ts'
import { makeAuthorizationUrl } from '../../lib/provider/authorization-url.ts'
import { exchangeCode } from '../../lib/provider/authorization-code.ts'
import { introspect } from '../../lib/provider/introspect.ts'
import { Provider } from '../../lib/provider/provider.ts'
import { refreshGrant } from '../../lib/provider/refresh-grant.ts'
import { revokeToken } from '../../lib/provider/revocation.ts'
import { exchangeToken } from '../../lib/provider/token-exchange-grant.ts'
import { secret } from '../support/app.ts'
import { catchRejection } from '../support/flow.ts'

let idp: TestProvider
beforeAll(async () => {
  idp = await startTestProvider()
})
afterAll(() => idp.stop())
beforeEach(() => idp.behave())

const clientSecret = 'secret0of0letters0and0digits'

function makeProvider(options: object = {}): Provider {
  const given = {
    ...idp.settings(),
    clientId: 'web',
    clientSecret,
    baseUrl: 'http://127.0.0.1:3000',
    secret,
    ...options,
  }
  return new Provider({ ...resolveOptions(given), neededMetadata: [] }, () => {})
}

const code = 'code-of-the-response'
const checks = {
  redirectUri: 'http://127.0.0.1:3000/callback',
  state: 'state',
  nonce: 'nonce-of-the-login',
  verifier: 'v'.repeat(43),
  scope: undefined,
  dpop: undefined,
}

/** Each request that authenticates the client, with its endpoint. */
const requests: Record<string, ['token' | 'par' | 'introspection' | 'revocation', (of: Provider) => Promise<unknown>]> =
  {
    'code exchange': [
      'token',
      (of) => exchangeCode(of, new URLSearchParams({ code, state: 'state', iss: idp.issuer }), checks),
    ],
    refresh: ['token', (of) => refreshGrant(of, 'refresh-token', { scope: undefined, resource: [] }, undefined)],
    'token exchange': [
      'token',
      (of) => exchangeToken(of, 'subject-token', { audience: ['a'], scope: undefined, resource: [] }, undefined),
    ],
    'pushed authorization request': [
      'par',
      (of) =>
        makeAuthorizationUrl(of, {
          ...checks,
          scope: ['openid'],
          responseMode: 'query',
          par: true,
          dpopThumbprint: undefined,
          parameters: {},
        }),
    ],
    introspection: ['introspection', (of) => introspect(of, 'access-token')],
    revocation: ['revocation', (of) => revokeToken(of, 'refresh-token', 'refresh_token')],
  }

/** How providers reject a client. Keycloak 26 sends the first one for a wrong secret; Slack and GitHub send a 200. */
const rejections: Record<string, [TestEndpointFault, words: string]> = {
  'a 401 without a challenge': [
    {
      status: 401,
      body: { error: 'unauthorized_client', error_description: 'Invalid client or Invalid client credentials' },
    },
    '"unauthorized_client" "Invalid client or Invalid client credentials"',
  ],
  'a 401 with a challenge': [
    {
      status: 401,
      body: { error: 'invalid_client', error_description: 'Client authentication failed' },
      headers: { 'www-authenticate': 'Basic realm="id"' },
    },
    '"invalid_client" "Client authentication failed"',
  ],
  'a 401 with its words in the challenge': [
    {
      status: 401,
      headers: { 'www-authenticate': 'Bearer error="invalid_client", error_description="no such client"' },
    },
    '"invalid_client" "no such client"',
  ],
  'a 401 without a body': [{ status: 401 }, 'status 401'],
  'a 400': [{ status: 400, body: { error: 'invalid_client' } }, '"invalid_client"'],
  'an error in a 200': [{ status: 200, body: { ok: false, error: 'bad_client_secret' } }, '"bad_client_secret"'],
}

describe.each(Object.entries(requests))('a rejected client in a %s', (what, [endpoint, send]) => {
  it.each(Object.entries(rejections))('is client_rejected after %s', async (_how, [fault, words]) => {
    idp.misbehave({ endpoints: { [endpoint]: fault } })
    // RFC 7009: the body of a response to a revocation with status 200 is ignored.
    if (what === 'revocation' && fault.status === 200) return expect(await send(makeProvider())).toBeUndefined()
    const error = await catchRejection(send(makeProvider()))
    expect(error).toMatchObject({ code: 'client_rejected', status: 500, headers: {} })
    expect(error.message).not.toMatch(/again/i)
    expect(error.detail).toContain(`${what} at ${idp.issuer}/`)
    expect(error.detail).toContain(`status ${String(fault.status)}`)
    expect(error.detail).toContain(words)
    expect(error.detail).toContain('; check `clientId` and `clientSecret`')
  })

  it('has no secret in its detail, even if the provider repeats them', async () => {
    const repeated = `${clientSecret} ${code} subject-token refresh-token access-token ${checks.verifier} ${checks.nonce}`
    idp.misbehave({
      endpoints: {
        [endpoint]: {
          status: 401,
          body: { error: 'invalid_client', error_description: repeated },
          headers: { 'www-authenticate': 'Basic realm="id"' },
        },
      },
    })
    const { detail } = await catchRejection(send(makeProvider()))
    expect(detail).toContain('[secret]')
    expect(detail).not.toContain(clientSecret)
    if (what === 'code exchange')
      for (const text of [code, checks.verifier, checks.nonce]) expect(detail).not.toContain(text)
    if (what === 'refresh' || what === 'revocation') expect(detail).not.toContain('refresh-token')
    if (what === 'token exchange') expect(detail).not.toContain('subject-token')
    if (what === 'introspection') expect(detail).not.toContain('access-token')
  })

  it('limits the words of the provider, and escapes invisible characters', async () => {
    const body = { error: `invalid_client\u001b[2J${'e'.repeat(3000)}`, error_description: `\u202e${'d'.repeat(3000)}` }
    idp.misbehave({
      endpoints: { [endpoint]: { status: 401, body, headers: { 'www-authenticate': 'Basic realm="id"' } } },
    })
    const { detail = '' } = await catchRejection(send(makeProvider()))
    expect(detail.length).toBeLessThan(1000)
    for (const invisible of ['\u001b', '\u202e']) expect(detail).not.toContain(invisible)
  })

  it('is an outage if the provider says so', async () => {
    for (const fault of [
      { status: 408 },
      { status: 429 },
      { status: 400, body: { error: 'temporarily_unavailable' } },
    ]) {
      idp.misbehave({ endpoints: { [endpoint]: fault } })
      expect(await catchRejection(send(makeProvider()))).toMatchObject({ code: 'provider_unavailable', status: 503 })
    }
  })
})

describe('the fix for a rejected client', () => {
  const [, send] = requests['code exchange'] as (typeof requests)['code exchange'] & object
  async function explain(options: object, metadata: Record<string, unknown> = {}): Promise<string | undefined> {
    idp.misbehave({ metadata, endpoints: { token: { status: 401, body: { error: 'invalid_client' } } } })
    return (await catchRejection(send(makeProvider(options)))).detail
  }

  it.each([
    [['client_secret_post'], {}, "the metadata list client_secret_post; set `clientAuth` to 'client_secret_post'"],
    [
      ['client_secret_basic'],
      { clientAuth: 'client_secret_post' },
      "the metadata list client_secret_basic; set `clientAuth` to 'client_secret_basic'",
    ],
    [
      ['private_key_jwt', 'tls_client_auth'],
      {},
      'the metadata list private_key_jwt, tls_client_auth; register the client with `client_secret_basic`',
    ],
  ])('compares clientAuth with the methods %s of the metadata', async (methods, options, fix) => {
    expect(await explain(options, { token_endpoint_auth_methods_supported: methods })).toContain(fix)
  })

  it.each([{ clientSecret: 'GOCSPX-ab_cd' }, { clientId: 'my-app' }, { clientSecret: 'ab+cd/ef=' }])(
    'names client_secret_post for credentials that Basic encodes: %j',
    async (options) => {
      expect(await explain(options)).toContain("set `clientAuth` to 'client_secret_post': client_secret_basic encodes")
      expect(await explain({ ...options, clientAuth: 'client_secret_post' })).not.toContain('encodes')
    },
  )

  it('assumes client_secret_basic if the metadata list no methods', async () => {
    expect(await explain({}, { token_endpoint_auth_methods_supported: undefined })).toMatch(
      /check `clientId` and `clientSecret`$/,
    )
  })

  it('is not added to an error about something else', async () => {
    idp.misbehave({ endpoints: { token: { status: 400, body: { error: 'invalid_request' } } } })
    expect((await catchRejection(send(makeProvider()))).detail).not.toContain('check')
  })
})

describe('an invalid grant', () => {
  it('has the description of the provider', async () => {
    const body = { error: 'invalid_grant', error_description: `Session not active for refresh-token` }
    idp.misbehave({ endpoints: { token: { status: 400, body } } })
    const refused = await catchRejection((requests['refresh'] as (typeof requests)[string])[1](makeProvider()))
    expect(refused.code).toBe('login_required')
    expect(refused.detail).toContain('"invalid_grant" "Session not active for [secret]"')
    const failed = await catchRejection((requests['code exchange'] as (typeof requests)[string])[1](makeProvider()))
    expect(failed).toMatchObject({ code: 'authorization_failed', status: 400 })
    expect(failed.detail).toContain('"invalid_grant" "Session not active')
  })
})
