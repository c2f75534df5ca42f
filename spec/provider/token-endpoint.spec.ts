import type { TestFaults } from 'express-session-oidc/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { byDepth } from '../support/depth.ts'
import { flow, listEvents } from '../support/flow.ts'
import { withId } from '../support/ids.ts'
import { keepsSecrets, meets, patience, startForFaults } from '../support/misbehaviour.ts'
import { directLogins, type DirectLogins } from '../tokens/support/direct-login.ts'

const world = flow()

const down = { status: 503, code: 'provider_unavailable' }
const wrong = { status: 502, code: 'provider_response_invalid' }

describe('a token endpoint that is down', () => {
  it.each<[string, TestFaults]>([
    ['answers 500', { endpoints: { token: { status: 500 } } }],
    ['answers 502 with an HTML page', { endpoints: { token: { status: 502, html: true } } }],
    ['answers 503 with JSON', { endpoints: { token: { status: 503, body: { error: 'server_error' } } } }],
    ['answers 429', { endpoints: { token: { status: 429, headers: { 'retry-after': '7' } } } }],
    [
      'answers temporarily_unavailable',
      { endpoints: { token: { status: 400, body: { error: 'temporarily_unavailable' } } } },
    ],
    ['answers an HTML page', { endpoints: { token: { html: true } } }],
    ['answers incomplete JSON', { endpoints: { token: { invalidJson: true } } }],
    ['is cut off within its response', { endpoints: { token: { truncate: true } } }],
    ['answers 404, as a proxy does', { endpoints: { token: { status: 404 } } }],
    ['closes the connection', { endpoints: { token: { drop: true } } }],
    ['does not speak HTTP', { endpoints: { token: { garbage: true } } }],
    ['does not answer', { endpoints: { token: { hang: true } } }],
    ['stalls within its response', { endpoints: { token: { stall: true } } }],
    ['answers 10 MB', { endpoints: { token: { bytes: 10_000_000 } } }],
    ['sends an endless response', { endpoints: { token: { bytes: Number.POSITIVE_INFINITY } } }],
    ['issues the tokens and loses the response', { endpoints: { token: { drop: true, afterProcessing: true } } }],
  ])('answers 503 and logs nobody in if the token endpoint %s, and the next attempt works', async (_name, faults) => {
    const app = await startForFaults(world, { options: { providerTimeoutSeconds: patience(faults) } })
    await meets(world, app, faults, down)
  })

  it(
    'limits a token request to providerTimeoutSeconds, including the body of the response',
    { meta: { id: 'token-endpoint-1' } },
    async () => {
      const app = await startForFaults(world, { options: { providerTimeoutSeconds: 0.5 } })
      await app.oidc.ready()
      for (const fault of [{ hang: true }, { stall: true }]) {
        world.provider.misbehave({ endpoints: { token: fault } })
        const began = performance.now()
        expect((await app.agent().get('/profile')).status).toBe(503)
        expect(performance.now() - began).toBeLessThan(3000)
        world.provider.behave()
      }
    },
  )

  it('passes on Retry-After of the token endpoint, within limits', async () => {
    const app = await startForFaults(world)
    for (const [said, passedOn] of [
      ['7', 7],
      ['100000', 300],
      ['-5', 5],
      ['Wed, 21 Oct 2065 07:28:00 GMT', 5],
    ] as const) {
      world.provider.misbehave({ endpoints: { token: { status: 503, headers: { 'retry-after': said } } } })
      const page = await app.agent().get('/profile')
      expect(page.headers.get('retry-after')).toBe(String(passedOn))
      world.provider.behave()
    }
  })
})

describe('a token endpoint that violates the protocol', () => {
  const answered: [string, TestFaults][] = [
    ['omits the access token', { accessToken: { omit: true } }],
    ['omits the ID token', { idToken: { omit: true } }],
    ['sends an access token that is not a string', { tokenResponse: { access_token: 5 } }],
    ['sends an ID token that is not a string', { tokenResponse: { id_token: { a: 1 } } }],
    ['sends a refresh token that is not a string', { tokenResponse: { refresh_token: 5 } }],
    ['omits the token type', { tokenResponse: { token_type: undefined } }],
    ['sends tokens of another type', { tokenResponse: { token_type: 'mac' } }],
    ['sends tokens that are bound to a key', { tokenResponse: { token_type: 'DPoP' } }],
    ['sends a negative expires_in', { tokenResponse: { expires_in: -1 } }],
    ['sends an expires_in that is null', { tokenResponse: { expires_in: null } }],
    ['sends an expires_in that is not a number', { tokenResponse: { expires_in: 'soon' } }],
    ['sends an array', { tokenResponse: () => [] as never }],
  ]
  let direct: DirectLogins
  beforeAll(() => {
    direct = directLogins(world.provider)
  })

  it.each(answered)('fails with 502 and logs nobody in if the token endpoint %s', async (_name, faults) => {
    expect(await direct.login(faults)).toMatchObject({ how: 'refused', ...wrong })
    expect(await direct.login()).toMatchObject({ how: 'login' })
  })

  const wired = ['omits the access token', 'sends a refresh token that is not a string', 'sends an array']
  const few = answered.filter(([name]) => wired.includes(name))
  it.each<[string, TestFaults]>([
    ...byDepth({ quick: few, normal: few, deep: answered }),
    ['redirects', { endpoints: { token: { status: 302, headers: { location: 'http://evil.example/' } } } }],
    ['answers 204', { endpoints: { token: { status: 204 } } }],
  ])('answers 502 and logs nobody in if the token endpoint %s, and the next attempt works', async (_name, faults) => {
    await meets(world, await startForFaults(world), faults, wrong)
  })

  it.each(['invalid_client', 'unauthorized_client', 'invalid_scope', 'unsupported_grant_type'])(
    'answers 500 if the token endpoint rejects the client with %s, which only the event mentions',
    { meta: { id: 'token-endpoint-2' } },
    async (error) => {
      const app = await startForFaults(world)
      const body = { error, error_description: 'ask <b>the</b> administrator' }
      const agent = app.agent()
      world.provider.misbehave({ endpoints: { token: { status: error === 'invalid_client' ? 401 : 400, body } } })
      const page = await agent.get('/profile')
      expect(page.status).toBe(500)
      expect(page.text()).not.toContain('administrator')
      const [failed] = listEvents(app, 'login_failed')
      expect(failed).toMatchObject({ code: 'client_rejected', status: 500 })
      expect(failed?.['detail']).toContain(error)
      expect(failed?.['detail']).toContain('administrator')
      keepsSecrets(world, app, page.text())
      world.provider.behave()
      expect((await agent.get('/profile')).status).toBe(200)
    },
  )

  it('answers 500 if the token endpoint responds with a WWW-Authenticate challenge', async () => {
    const app = await startForFaults(world)
    const fault = { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' }, body: { error: 'invalid_client' } }
    await meets(world, app, { endpoints: { token: fault } }, { status: 500, code: 'client_rejected' })
  })
})

describe('an unusual but valid token response', { meta: { id: 'token-endpoint-3' } }, () => {
  it.each<[string, TestFaults['tokenResponse']]>([
    ['without expires_in', { expires_in: undefined }],
    [withId('token-endpoint-5', 'with expires_in as a string'), { expires_in: '300' }],
    ['with expires_in 0', { expires_in: 0 }],
    ['without a refresh token', { refresh_token: undefined }],
    ['with refresh_expires_in and other members', { refresh_expires_in: 0, 'not-before-policy': 0, x: { y: [] } }],
    ['without a scope', { scope: undefined }],
    ['with an empty scope', { scope: '' }],
    ['with the token type in capitals', { token_type: 'BEARER' }],
    ['with an access token of 50 kB', { access_token: 'a'.repeat(50_000) }],
  ])('logs in with a token response %s', { meta: { id: 'token-endpoint-4' } }, async (_name, tokenResponse) => {
    const seen: unknown[] = []
    const app = await world.start({
      options: { afterLogin: (_req, { tokens }) => void seen.push(tokens.expiresAt, tokens.scope) },
    })
    world.provider.misbehave({ tokenResponse })
    const page = await app.agent().get('/profile')
    expect({ status: page.status, failed: listEvents(app, 'login_failed') }).toEqual({ status: 200, failed: [] })
    const [expiresAt] = seen
    if (expiresAt !== undefined) expect(expiresAt).toBeGreaterThan(Date.now() / 1000 - 1)
  })

  it('takes the requested scope as granted if the token response has no scope', async () => {
    const app = await world.start()
    world.provider.misbehave({ tokenResponse: { scope: undefined } })
    expect((await app.agent().get('/profile')).json()['scope']).toEqual(['openid', 'profile', 'email'])
  })

  it('takes the scope of the token response as granted if it is less than requested', async () => {
    const app = await world.start()
    world.provider.misbehave({ tokenResponse: { scope: 'openid' } })
    expect((await app.agent().get('/profile')).json()['scope']).toEqual(['openid'])
  })
})
