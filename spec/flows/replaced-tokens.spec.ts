/** The tokens of a login that another login replaces: which are revoked (RFC 7009), and that the new login never depends on it. */
import type { OidcOptions, OidcTokenSet } from 'express-session-oidc'
import { redisRecords } from 'express-session-oidc/redis'
import type { UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { until, type TestApp } from '../support/app.ts'
import { flow, listEvents } from '../support/flow.ts'
import { pass } from '../support/tokens-app.ts'
import { partnerOfFile, whoIs } from '../support/two-instances.ts'

const world = flow({ refreshTokens: 'rotating', accessTokenSeconds: 300 })
const partner = partnerOfFile()

async function start(setup: { options?: Partial<OidcOptions> } = {}): Promise<{ app: TestApp; agent: UserAgent }> {
  const app = await world.start({
    ...setup,
    routes(express, oidc, url) {
      const other = partner.routes(express, oidc, url, { records: setup.options?.records })
      express.get('/again', oidc.login({ prompt: 'login', returnTo: '/who' }))
      express.get('/partner-again', other.login({ prompt: 'login', returnTo: '/who' }))
      express.get('/tokens', oidc.requireAuth(), (req, res, next) => {
        req.oidc.tokens().then((tokens) => res.json(tokens), next)
      })
      express.get('/refreshed', oidc.requireAuth(), (req, res, next) => {
        req.oidc.accessToken().then((token) => res.send(token), next)
      })
    },
  })
  const agent = app.agent()
  await agent.get('/profile')
  world.provider.forget()
  return { app, agent }
}

const getTokens = async (agent: UserAgent): Promise<OidcTokenSet> =>
  (await agent.fetch('/tokens')).json() as unknown as OidcTokenSet

const listRevoked = (provider = world.provider): (string | null)[] =>
  provider.requestsTo('revocation').map(({ params }) => params.get('token'))

const listRefreshes = (): unknown[] =>
  world.provider.requestsTo('token').filter(({ params }) => params.get('grant_type') === 'refresh_token')

describe('a login of another user', () => {
  it('revokes the refresh token and the access token of the login that it replaces', async () => {
    const { app, agent } = await start()
    const { accessToken, refreshToken } = await getTokens(agent)
    world.provider.signIn('bob')
    await agent.get('/again')
    expect(await whoIs(agent, app)).toMatchObject({ default: 'bob' })
    await until(() => listRevoked().length >= 2, 'both tokens are revoked')
    expect(new Set(listRevoked())).toEqual(new Set([accessToken, refreshToken]))
  })

  it('revokes the tokens of a login with another instance at its own provider', async () => {
    const { app, agent } = await start()
    const { refreshToken } = await getTokens(agent)
    await agent.get('/partner-profile')
    partner.provider().signIn('alice')
    await agent.get('/partner-again')
    expect(await whoIs(agent, app)).toMatchObject({ default: null, partner: 'alice' })
    await until(() => listRevoked().length >= 2, 'the tokens of the first instance are revoked')
    expect(listRevoked()).toContain(refreshToken)
    await until(() => listRevoked(partner.provider()).length >= 2, 'the tokens of the second instance are revoked')
    expect(listRevoked(partner.provider())).not.toContain(refreshToken)
  })

  it('is answered while the provider does not answer the revocation', async () => {
    const { app, agent } = await start({ options: { providerTimeoutSeconds: 30 } })
    world.provider.signIn('bob')
    world.provider.misbehave({ endpoints: { revocation: { hang: true } } })
    expect((await agent.get('/again')).status).toBe(200)
    await until(() => listRevoked().length >= 1, 'a revocation hangs')
    expect(await whoIs(agent, app)).toMatchObject({ default: 'bob' })
  })

  it('succeeds if the provider refuses the revocation, which emits an event', async () => {
    const { app, agent } = await start()
    world.provider.signIn('bob')
    world.provider.misbehave({ endpoints: { revocation: { status: 500 } } })
    await agent.get('/again')
    expect(await whoIs(agent, app)).toMatchObject({ default: 'bob' })
    await until(() => listEvents(app, 'provider_fault').length > 0, 'the failure is an event')
  })

  it('succeeds if the replaced tokens cannot be read, which emits an event', async () => {
    const records = redisRecords({ client: world.redis.client })
    let isDown = false
    const get: typeof records.get = async (key) => {
      if (isDown && 'part' in key && key.part.startsWith('tokens:')) throw new Error('down')
      return records.get(key)
    }
    const { app, agent } = await start({ options: { records: { ...records, get } } })
    world.provider.signIn('bob')
    isDown = true
    expect((await agent.get('/again')).status).toBe(200)
    isDown = false
    expect((await agent.get('/profile')).json()).toMatchObject({ user: { sub: 'bob' } })
    expect(listEvents(app, 'store_fault')).toHaveLength(1)
    expect(listRevoked()).toEqual([])
  })

  it('revokes nothing if it fails', async () => {
    const { app, agent } = await start({
      options: {
        afterLogin: (_req, { user }) => {
          if (user.sub === 'bob') throw new Error('not bob')
        },
      },
    })
    world.provider.signIn('bob')
    expect((await agent.get('/again')).status).toBe(500)
    expect(await whoIs(agent, app)).toMatchObject({ default: 'alice' })
    expect(listRevoked()).toEqual([])
  })
})

describe('a second login of the same user', () => {
  it.each(['/again', '/login?returnTo=/who'])(
    'by %s revokes nothing, because the provider would revoke the new tokens too',
    async (path) => {
      const { app, agent } = await start()
      const first = await getTokens(agent)
      await agent.get(path)
      const second = await getTokens(agent)
      expect(second.refreshToken).not.toBe(first.refreshToken)
      pass(301)
      expect((await agent.fetch('/refreshed')).text()).not.toBe(second.accessToken)
      expect(listRefreshes()).toHaveLength(1)
      expect(await whoIs(agent, app)).toMatchObject({ default: 'alice' })
      expect(listRevoked()).toEqual([])
    },
  )

  it('keeps the tokens of a login with another instance, and revokes none of them', async () => {
    const { app, agent } = await start()
    await agent.get('/partner-profile')
    await agent.get('/again')
    expect(await whoIs(agent, app)).toMatchObject({ default: 'alice', partner: 'bob' })
    expect([...listRevoked(), ...listRevoked(partner.provider())]).toEqual([])
  })
})
