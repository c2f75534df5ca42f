import type { TestFaults } from 'express-session-oidc/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { byDepth } from '../support/depth.ts'
import { flow, told } from '../support/flow.ts'
import { withId } from '../support/ids.ts'
import { keepsSecrets, meets, patience, startForFaults } from '../support/misbehaviour.ts'
import { directLogins, type DirectLogins } from '../tokens/support/direct-login.ts'

const world = flow()

const down = { status: 503, code: 'provider_unavailable' }
const wrong = { status: 502, code: 'provider_response_invalid' }

describe('a token endpoint that is down', () => {
  it.each<[string, TestFaults]>([
    ['answers 500', { endpoints: { token: { status: 500 } } }],
    ['answers 502 with a page', { endpoints: { token: { status: 502, html: true } } }],
    ['answers 503 with JSON', { endpoints: { token: { status: 503, body: { error: 'server_error' } } } }],
    ['answers 429', { endpoints: { token: { status: 429, headers: { 'retry-after': '7' } } } }],
    [
      'says temporarily_unavailable',
      { endpoints: { token: { status: 400, body: { error: 'temporarily_unavailable' } } } },
    ],
    ['answers a page', { endpoints: { token: { html: true } } }],
    ['answers JSON that breaks off', { endpoints: { token: { invalidJson: true } } }],
    ['is cut off within its answer', { endpoints: { token: { truncate: true } } }],
    ['is not there, as a proxy says', { endpoints: { token: { status: 404 } } }],
    ['cuts the connection', { endpoints: { token: { drop: true } } }],
    ['does not speak HTTP', { endpoints: { token: { garbage: true } } }],
    ['does not answer', { endpoints: { token: { hang: true } } }],
    ['stalls within its answer', { endpoints: { token: { stall: true } } }],
    ['answers 10 MB', { endpoints: { token: { bytes: 10_000_000 } } }],
    ['never stops answering', { endpoints: { token: { bytes: Number.POSITIVE_INFINITY } } }],
    ['does its work and loses the answer', { endpoints: { token: { drop: true, afterProcessing: true } } }],
  ])('%s: 503, nobody is logged in, and the next try works', async (_name, faults) => {
    const app = await startForFaults(world, { options: { providerTimeoutSeconds: patience(faults) } })
    await meets(world, app, faults, down)
  })

  it('is given as long as the option says, its answer included', { meta: { id: 'token-endpoint-1' } }, async () => {
    const app = await startForFaults(world, { options: { providerTimeoutSeconds: 0.5 } })
    await app.oidc.ready()
    for (const fault of [{ hang: true }, { stall: true }]) {
      world.provider.misbehave({ endpoints: { token: fault } })
      const began = performance.now()
      expect((await app.agent().get('/profile')).status).toBe(503)
      expect(performance.now() - began).toBeLessThan(3000)
      world.provider.behave()
    }
  })

  it('says when to come back, in bounds', async () => {
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

describe('a token endpoint that breaks the protocol', () => {
  const answered: [string, TestFaults][] = [
    ['leaves out the access token', { accessToken: { omit: true } }],
    ['leaves out the ID token', { idToken: { omit: true } }],
    ['sends an access token that is no text', { tokenResponse: { access_token: 5 } }],
    ['sends an ID token that is no text', { tokenResponse: { id_token: { a: 1 } } }],
    ['sends a refresh token that is no text', { tokenResponse: { refresh_token: 5 } }],
    ['leaves out the token type', { tokenResponse: { token_type: undefined } }],
    ['sends tokens of another type', { tokenResponse: { token_type: 'mac' } }],
    ['sends tokens that are bound to a key', { tokenResponse: { token_type: 'DPoP' } }],
    ['sends a negative expires_in', { tokenResponse: { expires_in: -1 } }],
    ['sends an expires_in that is null', { tokenResponse: { expires_in: null } }],
    ['sends an expires_in that is no number', { tokenResponse: { expires_in: 'soon' } }],
    ['sends a list', { tokenResponse: () => [] as never }],
  ]
  let direct: DirectLogins
  beforeAll(() => {
    direct = directLogins(world.provider)
  })

  it.each(answered)('%s: 502, and nobody is logged in', async (_name, faults) => {
    expect(await direct.login(faults)).toMatchObject({ how: 'refused', ...wrong })
    expect(await direct.login()).toMatchObject({ how: 'login' })
  })

  const wired = ['leaves out the access token', 'sends a refresh token that is no text', 'sends a list']
  const few = answered.filter(([name]) => wired.includes(name))
  it.each<[string, TestFaults]>([
    ...byDepth({ quick: few, normal: few, deep: answered }),
    ['redirects', { endpoints: { token: { status: 302, headers: { location: 'http://evil.example/' } } } }],
    ['answers 204', { endpoints: { token: { status: 204 } } }],
  ])('%s: 502, nobody is logged in, and the next try works', async (_name, faults) => {
    await meets(world, await startForFaults(world), faults, wrong)
  })

  it.each(['invalid_client', 'unauthorized_client', 'invalid_scope', 'unsupported_grant_type'])(
    'refuses the application with %s: 500, which says so in detail alone',
    { meta: { id: 'token-endpoint-2' } },
    async (error) => {
      const app = await startForFaults(world)
      const body = { error, error_description: 'ask <b>the</b> administrator' }
      const agent = app.agent()
      world.provider.misbehave({ endpoints: { token: { status: error === 'invalid_client' ? 401 : 400, body } } })
      const page = await agent.get('/profile')
      expect(page.status).toBe(500)
      expect(page.text()).not.toContain('administrator')
      const [failed] = told(app, 'login_failed')
      expect(failed).toMatchObject({ code: 'client_rejected', status: 500 })
      expect(failed?.['detail']).toContain(error)
      expect(failed?.['detail']).toContain('administrator')
      keepsSecrets(world, app, page.text())
      world.provider.behave()
      expect((await agent.get('/profile')).status).toBe(200)
    },
  )

  it('with a challenge is told as such', async () => {
    const app = await startForFaults(world)
    const fault = { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' }, body: { error: 'invalid_client' } }
    await meets(world, app, { endpoints: { token: fault } }, { status: 500, code: 'client_rejected' })
  })
})

describe('a token response that is odd but good', { meta: { id: 'token-endpoint-3' } }, () => {
  it.each<[string, TestFaults['tokenResponse']]>([
    ['without expires_in', { expires_in: undefined }],
    [withId('token-endpoint-5', 'with expires_in as text'), { expires_in: '300' }],
    ['with expires_in 0', { expires_in: 0 }],
    ['without refresh token', { refresh_token: undefined }],
    ['with refresh_expires_in and other members', { refresh_expires_in: 0, 'not-before-policy': 0, x: { y: [] } }],
    ['without scope', { scope: undefined }],
    ['with an empty scope', { scope: '' }],
    ['with the token type in capitals', { token_type: 'BEARER' }],
    ['with an access token of many kilobytes', { access_token: 'a'.repeat(50_000) }],
  ])('%s logs in', { meta: { id: 'token-endpoint-4' } }, async (_name, tokenResponse) => {
    const seen: unknown[] = []
    const app = await world.start({
      options: { afterLogin: (_req, { tokens }) => void seen.push(tokens.expiresAt, tokens.scope) },
    })
    world.provider.misbehave({ tokenResponse })
    const page = await app.agent().get('/profile')
    expect({ status: page.status, failed: told(app, 'login_failed') }).toEqual({ status: 200, failed: [] })
    const [expiresAt] = seen
    if (expiresAt !== undefined) expect(expiresAt).toBeGreaterThan(Date.now() / 1000 - 1)
  })

  it('says nothing of the scope: that is what was asked for', async () => {
    const app = await world.start()
    world.provider.misbehave({ tokenResponse: { scope: undefined } })
    expect((await app.agent().get('/profile')).json()['scope']).toEqual(['openid', 'profile', 'email'])
  })

  it('grants less than was asked for', async () => {
    const app = await world.start()
    world.provider.misbehave({ tokenResponse: { scope: 'openid' } })
    expect((await app.agent().get('/profile')).json()['scope']).toEqual(['openid'])
  })
})
