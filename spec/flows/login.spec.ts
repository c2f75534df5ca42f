import { RedisSessionStore } from 'express-session-oidc/redis'
import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { redisForFile } from '../support/redis.ts'

const redis = redisForFile()
let provider: TestProvider
let app: TestApp

beforeAll(async () => {
  provider = await startTestProvider()
})
afterAll(() => provider.stop())
beforeEach(() => {
  provider.behave()
  provider.signIn('alice')
})
afterEach(() => app.stop())

async function start(): Promise<void> {
  const store = new RedisSessionStore({ client: redis.client, idleSeconds: 600 })
  app = await startApp({ provider, session: { store } })
}

describe('a login', () => {
  it('begins at a guarded page and comes back to it with its query', async () => {
    await start()
    const page = await app.agent().get('/profile?tab=2')
    expect(page.status).toBe(200)
    expect(page.url).toBe(`${app.url}/profile?tab=2`)
    expect(page.json()).toMatchObject({ user: { sub: 'alice', iss: provider.issuer }, roles: ['admin', 'user'] })
  })
})
