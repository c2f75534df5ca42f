/** Starts a provider and two APIs in this process, and the application that calls them. Ctrl-C stops all of them. */
import { createServer } from 'node:http'
import { EnvironmentError, readEnvironment } from '../demo/environment.js'
import { openPort } from '../demo/listen.js'
import { createApp } from './app.js'
import { startServices } from './start.js'

const server = createServer()
try {
  const { port } = readEnvironment({ PORT: process.env['PORT'] })
  const baseUrl = `http://localhost:${await openPort(server, port)}`
  const { provider, apis, close } = await startServices()
  server.on('request', createApp({ baseUrl, provider: provider.settings(), apis }))
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
