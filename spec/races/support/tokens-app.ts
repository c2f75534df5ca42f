import { RedisSessionStore } from 'express-session-oidc/redis'
import type { TestProvider } from 'express-session-oidc/testing'
import { createClient } from 'redis'
import { startApp, type AppSetup, type TestApp } from '../../support/app.ts'

const { REDIS_URL = '', PROVIDER = '{}' } = process.env

/**
 * Starts an application in a process of its own, with the Redis and the provider that its environment names.
 * `timeoutSeconds` is that of its store.
 */
export async function startTokensApp(
  setup: Omit<AppSetup, 'provider' | 'session'>,
  timeoutSeconds?: number,
): Promise<TestApp> {
  const client = createClient({ url: REDIS_URL, disableOfflineQueue: true })
  client.on('error', () => {})
  await client.connect()
  const provider = { settings: () => JSON.parse(PROVIDER) as ReturnType<TestProvider['settings']> } as TestProvider
  const store = new RedisSessionStore({ client: client, timeoutSeconds })
  const app = await startApp({ ...setup, provider, session: { store } })
  console.log(`process ${process.pid}`)
  console.log(`Open ${app.url}`)
  return app
}
