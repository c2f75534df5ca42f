/**
 * Every member that is read from the provider's metadata, missing and of every type. The outcome is a correct login, or a
 * fault of the provider and no login.
 */
import { createOidc } from 'express-session-oidc'
import { afterEach, describe, expect, it } from 'vitest'
import { secret, type TestApp } from '../support/app.ts'
import { flow, catchRejection, listEvents } from '../support/flow.ts'
import { bottomless, named, oddValues, parsed, withMember, type Odd } from '../tokens/support/odd-json.ts'

const world = flow({ algorithm: 'RS256' })
/** Edits the responses at these paths. */
let edits: Readonly<Record<string, (json: string) => string>> = {}
afterEach(() => {
  edits = {}
})

const discovery = '/.well-known/openid-configuration'

const altering: typeof fetch = async (input, init) => {
  const url = input as string
  const answer = await fetch(url, init)
  const edit = edits[new URL(url).pathname]
  if (!edit) return answer
  return new Response(edit(await answer.text()), { status: answer.status, headers: answer.headers })
}

const odd = (name: string, value: unknown): Odd => ({ name, json: JSON.stringify(value) })

/** Opens a guarded page as a visitor of a new application, which has not discovered the provider before. */
async function visited(edit: (json: string) => string): Promise<{ status: number; app: TestApp }> {
  edits = { [discovery]: edit }
  const app = await world.start({ options: { fetch: altering, userInfo: true } })
  const agent = app.agent()
  const page = await agent.get('/profile')
  if (page.status === 200) {
    expect(page.json()).toMatchObject({ user: { sub: 'alice', iss: world.provider.issuer } })
    // Members that a logout reads must do no harm either.
    expect((await agent.get('/logout')).status).toBe(200)
    expect((await agent.get('/')).text()).toBe('hello stranger')
  } else {
    expect(listEvents(app, 'login')).toEqual([])
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect((await agent.get('/')).text()).toBe('hello stranger')
    const [fault] = [...listEvents(app, 'login_failed'), ...listEvents(app, 'provider_fault')]
    expect(String(fault?.['detail']).length).toBeLessThan(1500)
  }
  return { status: page.status, app }
}

describe.each([
  ...['issuer', 'authorization_endpoint', 'token_endpoint', 'jwks_uri'].map((member) => [member, 'needed'] as const),
  ...['userinfo_endpoint', 'end_session_endpoint', 'pushed_authorization_request_endpoint', 'revocation_endpoint'].map(
    (member) => [member, 'optional'] as const,
  ),
])('the metadata member %s (%s)', (member, need) => {
  const values = oddValues.filter(({ json }) => need === 'needed' || json !== undefined)
  it.each(named(values))('rejects metadata with a member that is %s', async (_name, json) => {
    edits = { [discovery]: (text) => withMember(text, member, json) }
    const oidc = createOidc({
      ...(world.provider.settings() as { issuer: string; clientId: string; clientSecret: string }),
      baseUrl: 'http://127.0.0.1:3000',
      secret,
      fetch: altering,
    })
    const error = await catchRejection(oidc.ready())
    expect(error).toMatchObject({ code: 'provider_unavailable', status: 503 })
    expect(String(error.detail).length).toBeLessThan(1500)
    expect(oidc.health().ok).toBe(false)
  })
})

describe('the algorithms in the metadata', () => {
  it.each(
    named([
      ...oddValues,
      odd('RS256 as a string', 'RS256'),
      odd('RS256 in an array', ['RS256']),
      odd('RS256 in a nested array', [['RS256']]),
      odd('RS256 among values of other types', [null, 5, {}, [], 'none', 'HS256', 'RS256']),
      odd('other algorithms', ['ES256', 'PS256']),
      odd('only none', ['none']),
    ]),
  )('accepts the listed algorithms, or RS256 without a list (OIDC Core 3.1.3.7, 6): %s', async (_name, json) => {
    const value = parsed(json)
    const { status } = await visited((text) => withMember(text, 'id_token_signing_alg_values_supported', json))
    expect(status).toBe(!Array.isArray(value) || value.includes('RS256') ? 200 : 502)
  })
})

describe('metadata members that may have any value', () => {
  const free = `response_types_supported response_modes_supported grant_types_supported subject_types_supported
    userinfo_signing_alg_values_supported token_endpoint_auth_methods_supported scopes_supported
    code_challenge_methods_supported claims_supported prompt_values_supported claims_parameter_supported
    request_parameter_supported mtls_endpoint_aliases dpop_signing_alg_values_supported version
    require_request_uri_registration tls_client_certificate_bound_access_tokens op_policy_uri then
    authorization_response_iss_parameter_supported __proto__ constructor toString toJSON length`.split(/\s+/)

  it.each(named(oddValues))('logs in if all unrestricted metadata members are %s', async (_name, json) => {
    const { status } = await visited((text) => free.reduce((all, member) => withMember(all, member, json), text))
    expect(status).toBe(200)
  })

  it.each(named(oddValues))(
    'pushes the request only if require_pushed_authorization_requests is true: %s',
    async (_name, json) => {
      const { status } = await visited((text) => withMember(text, 'require_pushed_authorization_requests', json))
      expect(status).toBe(200)
      expect(world.provider.requestsTo('par')).toHaveLength(json === 'true' ? 1 : 0)
    },
  )

  it('logs in with a member of 300 kB, and either logs in or answers 503 if it is deeply nested', async () => {
    const huge = await visited((text) => withMember(text, 'claims_supported', JSON.stringify(['x'.repeat(300_000)])))
    expect(huge.status).toBe(200)
    const deep = await visited((text) => withMember(text, 'claims_supported', bottomless))
    expect([200, 503]).toContain(deep.status)
  })

  it('uses the last of two issuer members', async () => {
    const other = '"https://other.example"'
    const own = JSON.stringify(world.provider.issuer)
    expect((await visited((text) => withMember(text, 'issuer', other, own))).status).toBe(200)
    expect((await visited((text) => withMember(text, 'issuer', own, other))).status).toBe(503)
  })
})

describe('metadata with only the required members', () => {
  it(
    'logs in and out with metadata that has only the required members',
    { meta: { id: 'metadata-members-1' } },
    async () => {
      const needed = ['issuer', 'authorization_endpoint', 'token_endpoint', 'jwks_uri']
      edits = {
        [discovery]: (text) =>
          JSON.stringify(
            Object.fromEntries(Object.entries(JSON.parse(text) as object).filter(([name]) => needed.includes(name))),
          ),
      }
      const app = await world.start({ options: { fetch: altering } })
      const agent = app.agent()
      expect((await agent.get('/profile')).status).toBe(200)
      // PKCE is used even if the metadata does not announce it (RFC 9700 2.1.1).
      expect(world.provider.requestsTo('authorize')[0]?.params.get('code_challenge_method')).toBe('S256')
      expect((await agent.get('/logout')).text()).toBe('hello stranger')
    },
  )
})
