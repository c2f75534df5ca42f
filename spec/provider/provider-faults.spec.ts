import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { OidcError } from '../../lib/core/errors.ts'
import { convertProviderError } from '../../lib/provider/provider-faults.ts'

function upstream(code: string | undefined, more: object = {}): Error {
  return Object.assign(new Error('something happened'), code === undefined ? {} : { code }, more)
}

function answered(status: number, headers: Record<string, string> = {}): Error {
  const error = upstream('OAUTH_RESPONSE_IS_NOT_CONFORM')
  error.cause = new Response(null, { status, headers })
  return error
}

describe('convertProviderError()', () => {
  it.each<[string, unknown, number, string]>([
    ['a timeout of openid-client', upstream('OAUTH_TIMEOUT'), 503, 'provider_unavailable'],
    ['a network error', new TypeError('fetch failed'), 503, 'provider_unavailable'],
    ['an error without a code', upstream(undefined), 503, 'provider_unavailable'],
    ['a value that is not an error', 'text', 503, 'provider_unavailable'],
    ['a response that is not JSON', upstream('OAUTH_RESPONSE_IS_NOT_JSON'), 503, 'provider_unavailable'],
    ['incomplete JSON', upstream('OAUTH_PARSE_ERROR'), 503, 'provider_unavailable'],
    ['status 500', answered(500), 503, 'provider_unavailable'],
    ['status 429', answered(429), 503, 'provider_unavailable'],
    ['status 404', answered(404), 502, 'provider_response_invalid'],
    ['a response of another form', upstream('OAUTH_RESPONSE_IS_NOT_CONFORM'), 502, 'provider_response_invalid'],
    [
      'the OAuth error server_error',
      upstream('OAUTH_RESPONSE_BODY_ERROR', { status: 400, error: 'server_error' }),
      503,
      'provider_unavailable',
    ],
    [
      'an OAuth error with status 500',
      upstream('OAUTH_RESPONSE_BODY_ERROR', { status: 500, error: 'x' }),
      503,
      'provider_unavailable',
    ],
    [
      'an OAuth error with status 429',
      upstream('OAUTH_RESPONSE_BODY_ERROR', { status: 429, error: 'x' }),
      503,
      'provider_unavailable',
    ],
    [
      'another OAuth error',
      upstream('OAUTH_RESPONSE_BODY_ERROR', { status: 400, error: 'invalid_client' }),
      500,
      'client_rejected',
    ],
    ['a WWW-Authenticate challenge', upstream('OAUTH_WWW_AUTHENTICATE_CHALLENGE'), 500, 'client_rejected'],
    ['a claim that does not match', upstream('OAUTH_JWT_CLAIM_COMPARISON_FAILED'), 502, 'provider_response_invalid'],
    ['a token that is too old', upstream('OAUTH_JWT_TIMESTAMP_CHECK_FAILED'), 502, 'provider_response_invalid'],
    [
      'an endpoint that is missing from the metadata',
      upstream('OAUTH_MISSING_SERVER_METADATA'),
      502,
      'provider_response_invalid',
    ],
    ['a forbidden plain http request', upstream('OAUTH_HTTP_REQUEST_FORBIDDEN'), 502, 'provider_response_invalid'],
  ])('assigns a status and an error code to %s', async (_name, error, status, code) => {
    expect(await convertProviderError(error, 'token request')).toMatchObject({ status, code })
  })

  it('returns an OidcError unchanged, even as a cause', async () => {
    const ours = new OidcError('token_invalid', 'x', { status: 502 })
    expect(await convertProviderError(ours, 'userinfo')).toBe(ours)
    expect(await convertProviderError(new Error('wrapped', { cause: ours }), 'userinfo')).toBe(ours)
  })

  it('passes on Retry-After in seconds, within limits', async () => {
    const retryAfter = async (value?: string): Promise<string | undefined> => {
      const fault = await convertProviderError(answered(503, value === undefined ? {} : { 'retry-after': value }), 'x')
      return fault.headers['Retry-After']
    }
    expect(await retryAfter('30')).toBe('30')
    expect(await retryAfter('99999')).toBe('300')
    for (const odd of [undefined, '0', '-1', 'soon', 'Wed, 21 Oct 2065 07:28:00 GMT'])
      expect(await retryAfter(odd)).toBe('5')
  })

  it('keeps the messages of the chain of causes, but no other properties', async () => {
    const parse = new SyntaxError('Unexpected token in {"access_token":"secret-token"')
    const inner = Object.assign(new Error('inner'), { cause: parse, body: 'secret-token' })
    const outer = upstream('OAUTH_PARSE_ERROR', { cause: inner, response: { token: 'secret-token' } })
    const fault = await convertProviderError(outer, 'token request')
    expect(fault.detail).toBe('token request: Error (OAUTH_PARSE_ERROR): something happened; Error: inner; SyntaxError')
    expect(inspect(fault, { depth: 10, showHidden: true })).not.toContain('secret-token')
    expect((await convertProviderError(undefinedFault(), 'x')).detail).toBe('x: unknown error')
  })

  it('quotes the text of the provider and limits its length', async () => {
    const error = upstream('OAUTH_RESPONSE_BODY_ERROR', {
      status: 400,
      error: 'e'.repeat(1000),
      error_description: `line\n${'d'.repeat(1000)}`,
    })
    const { detail = '', message } = await convertProviderError(error, 'x')
    expect(detail.length).toBeLessThan(600)
    expect(detail).not.toContain('\n')
    expect(message).not.toContain('eee')
  })

  it('stops at a circular chain of causes', async () => {
    const error = upstream(undefined)
    error.cause = error
    expect(((await convertProviderError(error, 'x')).detail ?? '').length).toBeLessThan(200)
  })
})

function undefinedFault(): unknown {
  return {}
}
