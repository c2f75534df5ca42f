/** Some providers and proxies send errors with status 200. None of them counts as success. */
import type { TestFaults } from 'express-session-oidc/testing'
import { describe, it } from 'vitest'
import { flow } from '../support/flow.ts'
import { meets, startForFaults } from '../support/misbehaviour.ts'

const world = flow()
const body = { error: 'invalid_token', error_description: 'the token is not active' }

describe('an error with status 200', () => {
  it.each<[string, TestFaults, number, string]>([
    ['from the token endpoint', { endpoints: { token: { body } } }, 502, 'provider_response_invalid'],
    [
      'from the token endpoint, in another format',
      { endpoints: { token: { body: { ok: false } } } },
      502,
      'provider_response_invalid',
    ],
    [
      'from the token endpoint, form-encoded',
      { endpoints: { token: { body: 'error=x' } } },
      503,
      'provider_unavailable',
    ],
    ['from userinfo', { endpoints: { userinfo: { body } } }, 502, 'token_invalid'],
    [
      'from userinfo, as a user without a subject',
      { endpoints: { userinfo: { body: { name: 'Bob' } } } },
      502,
      'token_invalid',
    ],
    ['from userinfo, as an empty object', { endpoints: { userinfo: { body: {} } } }, 502, 'token_invalid'],
    [
      'from userinfo, with a challenge',
      { endpoints: { userinfo: { body, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } } } },
      500,
      'client_rejected',
    ],
  ])(
    'an error with status 200 %s logs nobody in',
    { meta: { id: 'false-success-1' } },
    async (_name, faults, status, code) => {
      const app = await startForFaults(world, { options: { userInfo: true } })
      await meets(world, app, faults, { status, code })
    },
  )
})
