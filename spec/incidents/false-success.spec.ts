/** Errors that come with status 200, as some providers and proxies send them: none is taken for success. */
import type { TestFaults } from 'express-session-oidc/testing'
import { describe, it } from 'vitest'
import { flow } from '../support/flow.ts'
import { meets, startForFaults } from '../support/misbehaviour.ts'

const world = flow()
const body = { error: 'invalid_token', error_description: 'the token is not active' }

describe('an error with status 200', () => {
  it.each<[string, TestFaults, number, string]>([
    ['of the token endpoint', { endpoints: { token: { body } } }, 502, 'provider_response_invalid'],
    [
      'of the token endpoint, in other words',
      { endpoints: { token: { body: { ok: false } } } },
      502,
      'provider_response_invalid',
    ],
    ['of the token endpoint, as a form', { endpoints: { token: { body: 'error=x' } } }, 503, 'provider_unavailable'],
    ['of userinfo', { endpoints: { userinfo: { body } } }, 502, 'token_invalid'],
    [
      'of userinfo, as a user without a subject',
      { endpoints: { userinfo: { body: { name: 'Bob' } } } },
      502,
      'token_invalid',
    ],
    ['of userinfo, empty', { endpoints: { userinfo: { body: {} } } }, 502, 'token_invalid'],
    [
      'of userinfo, with a challenge',
      { endpoints: { userinfo: { body, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } } } },
      500,
      'client_rejected',
    ],
  ])('%s is no login', { meta: { id: 'false-success-1' } }, async (_name, faults, status, code) => {
    const app = await startForFaults(world, { options: { userInfo: 'login' } })
    await meets(world, app, faults, { status, code })
  })
})
