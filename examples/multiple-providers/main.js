/** Starts two providers in this process, and the application. Ctrl-C stops all three. */
import { createServer } from 'node:http'
import { EnvironmentError, readEnvironment } from '../demo/environment.js'
import { openPort } from '../demo/listen.js'
import { createApp } from './app.js'
import { startProviders } from './providers.js'

const server = createServer()
try {
  const { port } = readEnvironment({ PORT: process.env['PORT'] })
  const baseUrl = `http://localhost:${await openPort(server, port)}`
  const { staff, customers, close } = await startProviders(baseUrl)
  server.on('request', createApp({ baseUrl, staff, customers }))
  console.log(`Open ${baseUrl}`)
  console.log('Log in as staff (Sam, Tess), as a customer (Cleo, Dan), or as both: no passwords.')

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
