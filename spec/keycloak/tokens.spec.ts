/** The tokens that Keycloak issues: usable for calls to it, and never stored or shown unsealed. */
import { expect, it } from 'vitest'
import { askUserInfo, keycloakFlow, listKeys, logIn, tokenRoute, getTokens } from './support.ts'

const flow = keycloakFlow()

it('tokens() returns an access token that Keycloak accepts, and the other tokens', async () => {
  const app = await flow.start({ routes: tokenRoute })
  const agent = app.agent()
  const { user } = (await logIn(agent, '/profile', 'alice')).json() as { user: { sub: string } }
  const tokens = await getTokens(agent)

  expect(await askUserInfo(flow.url, tokens.accessToken)).toMatchObject({
    status: 200,
    claims: { sub: user.sub, preferred_username: 'alice' },
  })
  expect(tokens.tokenType).toBe('bearer')
  expect(tokens.scope).toEqual(expect.arrayContaining(['openid', 'profile', 'email']))
  const now = Date.now() / 1000
  expect(tokens.expiresAt).toBeGreaterThan(now)
  expect(tokens.expiresAt).toBeLessThanOrEqual(now + 300)
  expect(tokens.refreshToken).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
  expect(tokens.idToken).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
})

it(
  'no key or value in Redis, no cookie, page or event has a part of a token',
  { meta: { id: 'tokens-1' } },
  async () => {
    const app = await flow.start({ routes: tokenRoute })
    const agent = app.agent()
    const way = await logIn(agent, '/profile', 'alice')
    const page = await agent.get('/profile')
    const tokens = await getTokens(agent)
    const secrets = [tokens.accessToken, tokens.refreshToken, tokens.idToken].flatMap((token) => {
      // Payload and signature, but not the header, which is the same in many tokens.
      const [, payload = '', signature = ''] = String(token).split('.')
      expect(payload.length).toBeGreaterThan(100)
      return [payload, signature, Buffer.from(payload, 'base64url').toString()]
    })

    const stored: string[] = []
    for await (const keys of flow.redis.client.scanIterator({ MATCH: '*', COUNT: 1000, TYPE: 'string' })) {
      for (const key of keys) {
        const value = (await flow.redis.client.get(key)) ?? ''
        stored.push(key, value, Buffer.from(value, 'base64url').toString('latin1'))
      }
    }
    expect(stored).toEqual(expect.arrayContaining(listKeys(agent.jar.get('connect.sid')?.value)))
    const seen = JSON.stringify([
      [...way.hops, ...page.hops].map(({ url, headers, requestHeaders }) => [url, [...headers], requestHeaders]),
      page.text(),
      app.events,
      agent.jar.cookies(),
    ])
    for (const secret of secrets) {
      expect(stored.filter((text) => text.includes(secret))).toEqual([])
      expect(seen).not.toContain(secret)
    }
  },
)
