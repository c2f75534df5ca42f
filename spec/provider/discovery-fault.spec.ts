import { describe, expect, it } from 'vitest'
import { fail } from '../../lib/core/errors.ts'
import { convertDiscoveryError } from '../../lib/provider/discovery-fault.ts'

const issuer = 'https://id.example.com/realms/acne'

/** The error of openid-client for a response with another status than 200. */
function unexpectedStatus(response: Response): Error {
  return Object.assign(new Error('unexpected HTTP response status code', { cause: response }), {
    code: 'OAUTH_RESPONSE_IS_NOT_CONFORM',
  })
}

async function convert(response: Response, at = issuer): Promise<{ code: string; detail: string; headers: object }> {
  const attempt = { url: `${at}/.well-known/openid-configuration`, response: response.clone() }
  const {
    code,
    detail = '',
    headers,
  } = await convertDiscoveryError(unexpectedStatus(response), { issuer: at }, attempt)
  return { code, detail, headers }
}

/** What Keycloak 26 answers for a realm that does not exist, and for a path that does not. */
const noRealm = { error: 'Realm does not exist' }
const noPath = { error: 'Unable to find matching target resource method', error_description: 'For more on this error' }

describe('convertDiscoveryError()', () => {
  it('has the URL, the status, the words of the provider, and the realm to check', async () => {
    const { code, detail, headers } = await convert(Response.json(noRealm, { status: 404 }))
    expect(code).toBe('provider_misconfigured')
    expect(headers).toEqual({})
    expect(detail).toContain('discovery at https://id.example.com/realms/acne/.well-known/openid-configuration: ')
    expect(detail).toContain('status 404')
    expect(detail).toContain('"Realm does not exist"')
    expect(detail).toContain('check the name of the realm "acne"; at Keycloak, add `/auth` before `/realms`')
  })

  it('says that Keycloak 17 and later have no /auth', async () => {
    const { detail } = await convert(Response.json(noPath, { status: 404 }), 'https://id.example.com/auth/realms/acme')
    expect(detail).toContain('"Unable to find matching target resource method" "For more on this error"')
    expect(detail).toContain('check the name of the realm "acme"; at Keycloak, remove `/auth` from the URL')
  })

  it.each(['https://github.com', 'https://api.github.com', 'https://github.com/login/oauth'])(
    'says that GitHub at %s is not an OpenID provider',
    async (at) => {
      const { code, detail } = await convert(new Response('Not Found', { status: 404 }), at)
      expect(code).toBe('provider_misconfigured')
      expect(detail).toContain('github.com is not an OpenID provider')
    },
  )

  it('names the target of a redirect, without its query', async () => {
    const headers = { location: '/login?session=secret' }
    const { code, detail } = await convert(new Response(null, { status: 302, headers }))
    expect(code).toBe('provider_misconfigured')
    expect(detail).toContain('it redirects to "https://id.example.com/login"; set `issuer` to exactly')
    expect(detail).not.toContain('secret')
  })

  it.each([400, 401, 403, 404, 410, 301, 307])('counts the status %i as permanent', async (status) => {
    expect((await convert(new Response(null, { status }))).code).toBe('provider_misconfigured')
  })

  it.each([408, 429, 500, 502, 503, 504])('counts the status %i as an outage', async (status) => {
    const { code, headers } = await convert(new Response('<html>', { status, headers: { 'retry-after': '7' } }))
    expect(code).toBe('provider_unavailable')
    expect(headers).toEqual({ 'Retry-After': '7' })
  })

  it.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'NODE_EXTRA_CA_CERTS'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'NODE_EXTRA_CA_CERTS'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'NODE_EXTRA_CA_CERTS'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'NODE_EXTRA_CA_CERTS'],
    ['CERT_HAS_EXPIRED', 'the certificate has expired; renew it'],
    ['CERT_NOT_YET_VALID', 'check the clock of this machine'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'correct the host in `issuer`'],
  ])('names the fix for the certificate error %s', async (code, fix) => {
    const error = new TypeError('fetch failed', { cause: Object.assign(new Error('certificate'), { code }) })
    const attempt = { url: `${issuer}/.well-known/openid-configuration` }
    const fault = await convertDiscoveryError(error, { issuer }, attempt)
    expect(fault).toMatchObject({ code: 'provider_misconfigured', status: 500, headers: {} })
    expect(fault.detail).toContain(fix)
  })

  it.each(['ECONNREFUSED', 'ENOTFOUND', 'ECONNRESET', 'ERR_SSL_WRONG_VERSION_NUMBER', 'UND_ERR_CONNECT_TIMEOUT'])(
    'counts the network error %s as an outage',
    async (code) => {
      const error = new TypeError('fetch failed', { cause: Object.assign(new Error('network'), { code }) })
      const fault = await convertDiscoveryError(error, { issuer }, { url: issuer })
      expect(fault).toMatchObject({ code: 'provider_unavailable', status: 503 })
    },
  )

  it('keeps setup_invalid, with which the option fetch is reported', async () => {
    const own = fail('setup_invalid', 'what `fetch` returned')
    const error = new Error('something went wrong', { cause: own })
    expect(await convertDiscoveryError(error, { issuer }, { url: issuer })).toBe(own)
  })
})
