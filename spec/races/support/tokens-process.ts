/** One of several processes of an application that calls APIs as its users, on one Redis, for the races of refreshes. */
import { RedisSessionStore, type RedisClient } from 'express-session-oidc/redis'
import type { TestProvider } from 'express-session-oidc/testing'
import { createClient } from 'redis'
import { startApp } from '../../support/app.ts'
import { tokenRoutes } from '../../support/token-routes.ts'

const { REDIS_URL = '', PROVIDER = '{}', PROVIDER_TIMEOUT_SECONDS = '1' } = process.env

const client = createClient({ url: REDIS_URL, disableOfflineQueue: true })
client.on('error', () => {})
await client.connect()
const provider = { settings: () => JSON.parse(PROVIDER) as ReturnType<TestProvider['settings']> } as TestProvider
const app = await startApp({
  provider,
  options: { providerTimeoutSeconds: Number(PROVIDER_TIMEOUT_SECONDS) },
  session: { store: new RedisSessionStore({ client: client as unknown as RedisClient }) },
  routes: tokenRoutes,
})
console.log(`process ${process.pid}`)
console.log(`Open ${app.url}`)
