import { inspect } from 'node:util'
import { LoginRefused, OidcError } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { retryAfterSeconds } from '../../lib/core/error-table.ts'
import { hookFailed, LoginNeeded, providerUnavailable, storeUnavailable } from '../../lib/core/errors.ts'

const secret = 'code-that-nobody-may-see'

function withCause(): OidcError {
  const cause = Object.assign(new Error(`state mismatch, ${secret}`), { body: { access_token: secret } })
  return new OidcError('token_invalid', 'The login could not be completed.', { status: 502, detail: 'nonce', cause })
}

describe('OidcError', () => {
  it('OidcError keeps its cause, but does not print or serialize it', () => {
    const error = withCause()
    expect((error.cause as Error).message).toContain(secret)
    expect(Object.keys(error)).not.toContain('cause')
    const shown = [
      inspect(error),
      inspect(error, { depth: Infinity, showHidden: true }),
      inspect({ deep: [error] }, { depth: Infinity }),
      JSON.stringify(error),
      JSON.stringify(Object.assign({}, error)),
      String(error),
      error.stack,
    ]
    for (const text of shown) expect(text).not.toContain(secret)
  })

  it('OidcError has a cause that can be replaced and deleted, like that of any error', () => {
    const error = withCause()
    error.cause = 'another'
    expect(error.cause).toBe('another')
    expect(delete error.cause).toBe(true)
    expect('cause' in error).toBe(false)
  })

  it('OidcError prints its stack, code, status and detail', () => {
    const text = inspect(withCause())
    expect(text).toContain('OidcError: The login could not be completed.')
    expect(text).toContain('errors.spec.ts')
    expect(text).toContain('code: token_invalid, status: 502')
    expect(text).toContain('detail: nonce')
    expect(inspect(new OidcError('not_allowed', 'No.', { status: 403 }))).toMatch(/code: not_allowed, status: 403$/)
  })

  it('OidcError can be printed without a stack', () => {
    const error = withCause()
    delete error.stack
    expect(inspect(error)).toMatch(/^OidcError: The login could not be completed\.\n {2}code: token_invalid/)
  })

  it('OidcError has the members that error handlers read: status, headers and expose', () => {
    const error = new OidcError('request_invalid', 'No.', { status: 405, headers: { Allow: 'GET' } })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'OidcError', status: 405, headers: { Allow: 'GET' }, expose: true })
    expect(error.cause).toBeUndefined()
    expect('cause' in error).toBe(false)
    expect(new OidcError('not_allowed', 'No.', { status: 403 }).headers).toEqual({})
  })
})

describe('LoginRefused', () => {
  it('LoginRefused has the status 403 and the message of the application', () => {
    const error = new LoginRefused('Only staff may log in here.')
    expect(error).toBeInstanceOf(OidcError)
    expect(error).toMatchObject({
      name: 'LoginRefused',
      code: 'login_refused',
      status: 403,
      message: 'Only staff may log in here.',
      expose: true,
    })
    expect(inspect(error)).toContain('LoginRefused')
  })
})

describe('errors for faults of the store and the provider', () => {
  it('storeUnavailable() returns a 503 with Retry-After', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    const error = storeUnavailable(cause)
    expect(error.cause).toBe(cause)
    expect(error).toMatchObject({
      code: 'store_unavailable',
      status: 503,
      headers: { 'Retry-After': String(retryAfterSeconds) },
      detail: 'Error (ECONNREFUSED): connect ECONNREFUSED',
    })
    expect(error.message).toBe('Your session cannot be reached. Please try again in a moment.')
  })

  it('storeUnavailable() returns an OidcError unchanged', () => {
    const error = storeUnavailable(new Error('gone'))
    expect(storeUnavailable(error)).toBe(error)
  })

  it('providerUnavailable() returns a 503 with a Retry-After of at least one second', () => {
    expect(providerUnavailable('discovery: timeout')).toMatchObject({
      code: 'provider_unavailable',
      status: 503,
      headers: { 'Retry-After': '5' },
      detail: 'discovery: timeout',
    })
    expect(providerUnavailable('').message).toBe('The login service cannot be reached. Please try again in a moment.')
    expect(providerUnavailable('', 0.2).headers).toEqual({ 'Retry-After': '1' })
    expect(providerUnavailable('', -3).headers).toEqual({ 'Retry-After': '1' })
    expect(providerUnavailable('', 2.1).headers).toEqual({ 'Retry-After': '3' })
  })
})

describe('hookFailed()', () => {
  it('turns the error of a hook into a 500 that names the hook and masks the secrets', () => {
    const thrown = new TypeError(`cannot read ${secret} of undefined`)
    const error = hookFailed('afterLogin', thrown, [secret])
    expect(error).toMatchObject({
      code: 'hook_failed',
      status: 500,
      message: 'The application could not complete the request. If this happens again, contact its operator.',
      detail: '`afterLogin` failed: TypeError: cannot read [secret] of undefined',
    })
    expect(error.cause).toBe(thrown)
  })

  it('passes on LoginRefused and a 503 of the package, but no other error', () => {
    const refusal = new LoginRefused('Only staff may log in here.')
    expect(hookFailed('afterLogin', refusal)).toBe(refusal)
    const outage = storeUnavailable(new Error('gone'))
    expect(hookFailed('afterLogin', outage)).toBe(outage)
    const other = new OidcError('not_allowed', 'No.', { status: 403 })
    expect(hookFailed('afterLogin', other)).toMatchObject({ code: 'hook_failed', cause: other })
    const foreign = Object.assign(new Error('busy'), { status: 503 })
    expect(hookFailed('afterLogin', foreign)).toMatchObject({ code: 'hook_failed', status: 500, cause: foreign })
  })
})

describe('LoginNeeded', () => {
  const instance = { provider: 'partner', owner: 'owner' }
  const needs = { scope: ['orders'], parameters: { acr_values: 'gold' } }

  it('LoginNeeded names the instance and what its login must request', () => {
    const error = new LoginNeeded('authentication_insufficient', { ...instance, detail: 'acr', ...needs })
    expect(error).toMatchObject({
      name: 'LoginNeeded',
      code: 'authentication_insufficient',
      status: 401,
      message: 'You need to confirm who you are.',
      ...instance,
      detail: 'acr',
      isRepeat: false,
    })
    expect(error.needs).toEqual(needs)
  })

  it('LoginNeeded has the status 403 if the same was requested a moment ago', () => {
    const error = new LoginNeeded('login_required', { ...instance, detail: '', ...needs, isRepeat: true })
    expect(error).toMatchObject({ status: 403, isRepeat: true, message: 'You need to log in again.' })
  })
})
