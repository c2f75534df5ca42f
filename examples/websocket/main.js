/** Starts a provider in this process, and the application. Ctrl-C stops both. */
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { startTestProvider } from 'express-session-oidc/testing'
import { EnvironmentError, readEnvironment } from '../demo/environment.js'
import { openPort } from '../demo/listen.js'
import { createApp } from './app.js'

const server = createServer()
try {
  const { port } = readEnvironment({ PORT: process.env['PORT'] })
  const baseUrl = `http://localhost:${await openPort(server, port)}`
  const provider = await startTestProvider({
    audience: 'chat',
    accessTokenSeconds: 3600,
    clients: [
      {
        clientId: 'chat',
        clientSecret: randomBytes(32).toString('hex'),
        redirectUris: [`${baseUrl}/callback`],
        postLogoutRedirectUris: [`${baseUrl}/`],
      },
    ],
  })
  const { app, upgrade, close } = createApp({ baseUrl, provider: provider.settings() })
  server.on('request', app)
  server.on('upgrade', upgrade)
  console.log(`Open ${baseUrl}`)
  console.log(
    'Log in as Alice or Bob: no password. Or connect from a shell, with an access token of Bob, valid for an hour:',
  )
  const { access_token: token } = await provider.issueTokens('bob')
  console.log(`\nTOKEN=${String(token)} \\\n  node examples/websocket/client.js ${baseUrl.replace('http', 'ws')}/chat`)

  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, async () => {
      server.close()
      server.closeAllConnections()
      close()
      await provider.stop()
    })
  }
} catch (error) {
  console.error(error instanceof EnvironmentError ? `The example cannot start.\n${error.message}` : error)
  process.exit(1)
}
