import { inspect } from 'node:util'
import { LoginRefused, OidcError } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { retryAfterSeconds } from '../../lib/core/error-table.ts'
import {
  describe as describeError,
  hookFailed,
  LoginNeeded,
  providerUnavailable,
  storeUnavailable,
  withoutSecrets,
} from '../../lib/core/errors.ts'

const secret = 'code-that-nobody-may-see'

function withCause(): OidcError {
  const cause = Object.assign(new Error(`state mismatch, ${secret}`), { body: { access_token: secret } })
  return new OidcError('token_invalid', 'The login could not be completed.', { status: 502, detail: 'nonce', cause })
}

describe('an error', () => {
  it('keeps its cause for who asks, and shows it to nobody else', () => {
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

  it('has a cause that can be replaced and deleted, as that of any error', () => {
    const error = withCause()
    error.cause = 'another'
    expect(error.cause).toBe('another')
    expect(delete error.cause).toBe(true)
    expect('cause' in error).toBe(false)
  })

  it('says in a log what it is: stack, code, status and detail', () => {
    const text = inspect(withCause())
    expect(text).toContain('OidcError: The login could not be completed.')
    expect(text).toContain('errors.spec.ts')
    expect(text).toContain('code: token_invalid, status: 502')
    expect(text).toContain('detail: nonce')
    expect(inspect(new OidcError('not_allowed', 'No.', { status: 403 }))).toMatch(/code: not_allowed, status: 403$/)
  })

  it('can be shown without a stack too', () => {
    const error = withCause()
    delete error.stack
    expect(inspect(error)).toMatch(/^OidcError: The login could not be completed\.\n {2}code: token_invalid/)
  })

  it('has what an error handler reads: status, headers, expose', () => {
    const error = new OidcError('request_invalid', 'No.', { status: 405, headers: { Allow: 'GET' } })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'OidcError', status: 405, headers: { Allow: 'GET' }, expose: true })
    expect(error.cause).toBeUndefined()
    expect('cause' in error).toBe(false)
    expect(new OidcError('not_allowed', 'No.', { status: 403 }).headers).toEqual({})
  })
})

describe('a refusal by the application', () => {
  it('is 403 with the application\u2019s words', () => {
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

describe('a fault', () => {
  it('of the store is 503 and says when to come again', () => {
    const error = storeUnavailable(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))
    expect(error).toMatchObject({
      code: 'store_unavailable',
      status: 503,
      headers: { 'Retry-After': String(retryAfterSeconds) },
      detail: 'Error (ECONNREFUSED): connect ECONNREFUSED',
    })
    expect(error.message).toBe('The session store cannot be reached. Please try again in a moment.')
  })

  it('of the store that has its error already keeps it', () => {
    const error = storeUnavailable(new Error('gone'))
    expect(storeUnavailable(error)).toBe(error)
  })

  it('of the provider is 503 and says when to come again, a second from now at the earliest', () => {
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

  it('is described on one line, however long and odd what was thrown is', () => {
    expect(describeError(new TypeError('fetch\n  failed'))).toBe('TypeError: fetch failed')
    expect(describeError(new Error(''))).toBe('Error')
    expect(describeError(Object.assign(new Error('x'), { code: 17 }))).toBe('Error: x')
    expect(describeError(new Error('x'.repeat(10_000))).length).toBeLessThan(600)
    expect(describeError('a text')).toBe('a text')
    expect(describeError('x'.repeat(10_000))).toHaveLength(500)
    expect(describeError({ secret })).toBe('a thrown object')
    expect(describeError(undefined)).toBe('a thrown undefined')
  })
})

describe('a text without secrets', () => {
  const odd = 'a "b" + c/d\u00e4'

  it.each([
    ['as they are', odd],
    ['percent-encoded', encodeURIComponent(odd)],
    ['as in a form', new URLSearchParams({ key: odd }).toString().slice('key='.length)],
    ['as in JSON', JSON.stringify(odd).slice(1, -1)],
  ])('has none of them %s, wherever and however often', (_form, shown) => {
    expect(withoutSecrets(`${shown} and key=${shown};`, [undefined, odd])).toBe('[secret] and key=[secret];')
  })

  it('keeps the rest, what is too short to be one included', () => {
    expect(withoutSecrets('abc stays, abcd goes', ['abc', '', undefined, 'abcd'])).toBe('abc stays, [secret] goes')
  })

  it('is what errors are described by: masked before it is cut, so that no half of one is left', () => {
    const long = `secret-${'x'.repeat(60)}`
    for (const thrown of [`${'y'.repeat(480)} ${long}`, new Error(`${'y'.repeat(480)} ${long}`)]) {
      expect(describeError(thrown, [long])).toMatch(/y \[secret\]$/)
    }
  })
})

describe('hookFailed', () => {
  it('turns what a hook threw into a 500 that names the hook and masks the secrets', () => {
    const thrown = new TypeError(`cannot read ${secret} of undefined`)
    const error = hookFailed('afterLogin', thrown, [secret])
    expect(error).toMatchObject({
      code: 'hook_failed',
      status: 500,
      message: 'The application could not complete the request.',
      detail: 'afterLogin failed: TypeError: cannot read [secret] of undefined',
    })
    expect(error.cause).toBe(thrown)
  })

  it('passes on a refusal and a 503, and no other error of the package', () => {
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

  it('says which instance must request what', () => {
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

  it('is a 403 where the same was requested a moment ago', () => {
    const error = new LoginNeeded('login_required', { ...instance, detail: '', ...needs, isRepeat: true })
    expect(error).toMatchObject({ status: 403, isRepeat: true, message: 'You need to log in again.' })
  })
})
