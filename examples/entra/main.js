/** Starts the application, with a simulated Entra unless the environment names a tenant. Ctrl-C stops everything. */
import { createServer } from 'node:http'
import { EnvironmentError, readEnvironment } from '../demo/environment.js'
import { openPort } from '../demo/listen.js'
import { createApp } from './app.js'
import { simulateEntra } from './simulated.js'

const names = ['ENTRA_TENANT', 'ENTRA_CLIENT_ID', 'ENTRA_CLIENT_SECRET']
const server = createServer()
try {
  const { port } = readEnvironment({ PORT: process.env['PORT'] })
  const baseUrl = `http://localhost:${await openPort(server, port)}`
  const own = ownTenant(process.env)
  const simulated = own ? undefined : await simulateEntra()
  const settings = own ?? simulated?.settings
  if (settings) server.on('request', createApp({ ...settings, baseUrl }))

  console.log(`Open ${baseUrl}`)
  if (simulated) {
    const token = await simulated.id.accessToken({ user: 'alice' })
    console.log('Log in as Alice (role Admin), Jane (in 250 groups) or Greta (a guest, who is refused): no passwords.')
    console.log(`Call the API as Alice, for an hour:\n  curl -H 'Authorization: Bearer ${token}' ${baseUrl}/api/orders`)
  } else {
    console.log(`Redirect URI to register, of the type Web: ${baseUrl}/callback`)
  }
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, async () => {
      server.close()
      server.closeAllConnections()
      await simulated?.id.stop()
    })
  }
} catch (error) {
  const reported = error instanceof EnvironmentError || (error instanceof Error && error.name === 'OidcError')
  console.error(reported ? `The example cannot start.\n${error.message}` : error)
  process.exit(1)
}

/**
 * Returns the settings of your own tenant; undefined if the environment names none.
 *
 * @param {Record<string, string | undefined>} env
 */
function ownTenant(env) {
  const [tenant, clientId, clientSecret] = names.map((name) => env[name]?.trim() || undefined)
  if (tenant === undefined && clientId === undefined && clientSecret === undefined) return undefined
  if (tenant === undefined || clientId === undefined || clientSecret === undefined) {
    throw new EnvironmentError(`Set all of ${names.join(', ')}, or none to use a simulated Entra.`)
  }
  // The API has the same registration. Tokens name it by application ID or by application ID URI.
  const audience = [clientId, env['ENTRA_API_URI']?.trim() || `api://${clientId}`]
  return { tenant: tenant.includes(',') ? tenant.split(',') : tenant, clientId, clientSecret, audience }
}
