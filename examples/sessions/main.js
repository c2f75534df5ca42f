/** Starts a provider in this process, and the application. Ctrl-C stops both. */
import { createServer } from 'node:http'
import { EnvironmentError, readEnvironment } from '../demo/environment.js'
import { openPort } from '../demo/listen.js'
import { connectRedis } from '../demo/redis.js'
import { createApp } from './app.js'
import { startProvider } from './provider.js'

const server = createServer()
try {
  const { port, redisUrl } = readEnvironment({ PORT: process.env['PORT'], REDIS_URL: process.env['REDIS_URL'] })
  const baseUrl = `http://localhost:${await openPort(server, port)}`
  const { settings, close } = await startProvider(baseUrl)
  const redis = redisUrl === undefined ? undefined : await connectRedis(redisUrl)
  server.on('request', createApp({ baseUrl, provider: settings, ...(redis && { store: redis.store }) }))
  console.log(`Open ${baseUrl}, in two browsers, or in a normal and a private window`)
  console.log('Log in as Alice or Bob: no password.')

  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, async () => {
      server.close()
      server.closeAllConnections()
      await close()
      redis?.close()
    })
  }
} catch (error) {
  console.error(error instanceof EnvironmentError ? `The example cannot start.\n${error.message}` : error)
  process.exit(1)
}
