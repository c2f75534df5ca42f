/** Starts a provider in this process, the application, and its operations endpoints. Ctrl-C stops all three. */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { startTestProvider } from 'express-session-oidc/testing'
import { EnvironmentError, readEnvironment } from '../demo/environment.js'
import { listen, openPort } from '../demo/listen.js'
import { connectRedis } from '../demo/redis.js'
import { createApp } from './app.js'
import { createLog } from './log.js'

const server = createServer()
try {
  const { PORT, REDIS_URL } = process.env
  const { port, redisUrl } = readEnvironment({ PORT, REDIS_URL })
  const redis = redisUrl === undefined ? undefined : await connectRedis(redisUrl)
  const baseUrl = `http://localhost:${await openPort(server, port)}`
  const provider = await startTestProvider({
    audience: 'orders',
    // Short, so that the orders page refreshes the token after ten seconds.
    accessTokenSeconds: 40,
    refreshTokens: 'rotating',
    clients: [
      {
        clientId: 'observed',
        clientSecret: randomBytes(32).toString('hex'),
        redirectUris: [`${baseUrl}/callback`],
        postLogoutRedirectUris: [`${baseUrl}/`],
      },
    ],
  })
  const log = createLog({ level: 'debug' })
  const { app, operations, close } = createApp({
    baseUrl,
    provider: provider.settings(),
    log,
    ...(redis && { store: redis.store }),
  })
  server.on('request', app)
  const inside = createServer(operations)
  const insideUrl = `http://localhost:${await listen(inside, 0)}`
  console.log(`Open ${baseUrl}`)
  console.log(
    'Log in as Alice (roles admin and user) or Bob (role user): no password. Events are logged below, and counted here:',
  )
  console.log(`\ncurl ${insideUrl}/metrics   # and /healthz, /readyz`)
  console.log(`curl -H 'Authorization: Bearer forged' ${baseUrl}/api/orders\n`)

  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, async () => {
      for (const each of [server, inside]) {
        each.close()
        each.closeAllConnections()
      }
      await close()
      await provider.stop()
      redis?.close()
    })
  }
} catch (error) {
  console.error(error instanceof EnvironmentError ? `The example cannot start.\n${error.message}` : error)
  process.exit(1)
}
