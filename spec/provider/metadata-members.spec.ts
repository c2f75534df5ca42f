/**
 * Every member that is read of the provider's metadata, missing and of every type: a login that is right, or a fault of the
 * provider, with no login begun.
 */
import { createOidc } from 'express-session-oidc'
import { afterEach, describe, expect, it } from 'vitest'
import { secret, type TestApp } from '../support/app.ts'
import { flow, rejection, told } from '../support/flow.ts'
import { bottomless, named, oddValues, parsed, withMember, type Odd } from '../tokens/support/odd-json.ts'

const world = flow({ algorithm: 'RS256' })
/** Edits what is answered at these paths. */
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

/** What a visitor of a guarded page is answered, by an application that has not seen the provider before. */
async function visited(edit: (json: string) => string): Promise<{ status: number; app: TestApp }> {
  edits = { [discovery]: edit }
  const app = await world.start({ options: { fetch: altering, userInfo: 'login' } })
  const agent = app.agent()
  const page = await agent.get('/profile')
  if (page.status === 200) {
    expect(page.json()).toMatchObject({ user: { sub: 'alice', iss: world.provider.issuer } })
    // What is read of it at the end of a login must do no harm either.
    expect((await agent.get('/logout')).status).toBe(200)
    expect((await agent.get('/')).text()).toBe('hello stranger')
  } else {
    expect(told(app, 'login')).toEqual([])
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect((await agent.get('/')).text()).toBe('hello stranger')
    const [fault] = [...told(app, 'login_failed'), ...told(app, 'provider_fault')]
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
  it.each(named(values))('being %s makes them no metadata', async (_name, json) => {
    edits = { [discovery]: (text) => withMember(text, member, json) }
    const oidc = createOidc({
      ...(world.provider.settings() as { issuer: string; clientId: string; clientSecret: string }),
      baseUrl: 'http://127.0.0.1:3000',
      secret,
      fetch: altering,
    })
    const error = await rejection(oidc.ready())
    expect(error).toMatchObject({ code: 'provider_unavailable', status: 503 })
    expect(String(error.detail).length).toBeLessThan(1500)
    expect(oidc.health().ok).toBe(false)
  })
})

describe('the algorithms in the metadata', () => {
  it.each(
    named([
      ...oddValues,
      odd('RS256 as text', 'RS256'),
      odd('RS256 in a list', ['RS256']),
      odd('RS256 in a list in a list', [['RS256']]),
      odd('RS256 among everything', [null, 5, {}, [], 'none', 'HS256', 'RS256']),
      odd('others', ['ES256', 'PS256']),
      odd('none', ['none']),
    ]),
  )('being %s are what is listed, or RS256 (OIDC Core 3.1.3.7, 6)', async (_name, json) => {
    const value = parsed(json)
    const { status } = await visited((text) => withMember(text, 'id_token_signing_alg_values_supported', json))
    expect(status).toBe(!Array.isArray(value) || value.includes('RS256') ? 200 : 502)
  })
})

describe('the metadata members that may be anything', () => {
  const free = `response_types_supported response_modes_supported grant_types_supported subject_types_supported
    userinfo_signing_alg_values_supported token_endpoint_auth_methods_supported scopes_supported
    code_challenge_methods_supported claims_supported prompt_values_supported claims_parameter_supported
    request_parameter_supported mtls_endpoint_aliases dpop_signing_alg_values_supported version
    require_request_uri_registration tls_client_certificate_bound_access_tokens op_policy_uri then
    authorization_response_iss_parameter_supported __proto__ constructor toString toJSON length`.split(/\s+/)

  it.each(named(oddValues))('all being %s are no hindrance to a login', async (_name, json) => {
    const { status } = await visited((text) => free.reduce((all, member) => withMember(all, member, json), text))
    expect(status).toBe(200)
  })

  it.each(named(oddValues))(
    'require_pushed_authorization_requests being %s makes it pushed, or not',
    async (_name, json) => {
      const { status } = await visited((text) => withMember(text, 'require_pushed_authorization_requests', json))
      expect(status).toBe(200)
      expect(world.provider.requestsTo('par')).toHaveLength(json === 'true' ? 1 : 0)
    },
  )

  it('of 300 kB, or lists in lists without end, are a login or none', async () => {
    const huge = await visited((text) => withMember(text, 'claims_supported', JSON.stringify(['x'.repeat(300_000)])))
    expect(huge.status).toBe(200)
    const deep = await visited((text) => withMember(text, 'claims_supported', bottomless))
    expect([200, 503]).toContain(deep.status)
  })

  it('are given twice: the last counts, for the issuer too', async () => {
    const other = '"https://other.example"'
    const own = JSON.stringify(world.provider.issuer)
    expect((await visited((text) => withMember(text, 'issuer', other, own))).status).toBe(200)
    expect((await visited((text) => withMember(text, 'issuer', own, other))).status).toBe(503)
  })
})

describe('metadata with no more than they must have', () => {
  it('are enough for a login and a logout', { meta: { id: 'metadata-members-1' } }, async () => {
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
    // PKCE is used though nothing says that it is understood (RFC 9700 2.1.1).
    expect(world.provider.requestsTo('authorize')[0]?.params.get('code_challenge_method')).toBe('S256')
    expect((await agent.get('/logout')).text()).toBe('hello stranger')
  })
})
