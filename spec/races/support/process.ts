/**
 * One of several processes of an application, started by `processes.ts`. It serves the application of the other races, on
 * the Redis and the providers that its environment names, and delays commands at random.
 */
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { OidcOptions, OidcProviderMetadata } from 'express-session-oidc'
import { createClient } from 'redis'
import { listen } from '../../support/app.ts'
import { raceApp, type Name } from './app.ts'
import { RedisTap } from '../../support/redis-tap.ts'

const { REDIS_URL = '', PROVIDERS = '{}' } = process.env
const settings = JSON.parse(PROVIDERS) as Record<
  Name,
  Pick<OidcOptions, 'clientId' | 'clientSecret'> & { issuer: string | OidcProviderMetadata }
>

const redis = createClient({ url: REDIS_URL, disableOfflineQueue: true })
redis.on('error', () => {})
await redis.connect()
const tap = new RedisTap(redis)
const dawdle = (): Promise<void> => pause(Math.random() * 4)
tap.before = dawdle
tap.after = dawdle

const app = raceApp({ settings: (name) => settings[name] }, (milliseconds) => pause(Number(milliseconds)))
app.restart(tap)
await app.ready()
const server = createServer(app.express)
console.log(`process ${process.pid}`)
console.log(`Open ${await listen(server)}`)
