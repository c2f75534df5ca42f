/** Starts a provider in this process, and the application. Ctrl-C stops both. */
import { createServer } from 'node:http'
import { EnvironmentError, readEnvironment } from '../demo/environment.js'
import { openPort } from '../demo/listen.js'
import { createApp } from './app.js'
import { startProvider } from './provider.js'

const server = createServer()
try {
  const { port } = readEnvironment({ PORT: process.env['PORT'] })
  const baseUrl = `http://localhost:${await openPort(server, port)}`
  const { settings, close } = await startProvider(baseUrl)
  server.on('request', createApp({ baseUrl, provider: settings }))
  console.log(`Open ${baseUrl}`)
  console.log('Log in as Alice or Bob: no password.')

  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, async () => {
      server.close()
      server.closeAllConnections()
      await close()
    })
  }
} catch (error) {
  console.error(error instanceof EnvironmentError ? `The example cannot start.\n${error.message}` : error)
  process.exit(1)
}
