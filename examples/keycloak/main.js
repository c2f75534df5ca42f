/** Starts Keycloak with the realm of this folder, and the application. Ctrl-C stops both. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { startKeycloak } from '../../scripts/keycloak.js'
import { createApp } from './app.js'

const server = createServer().listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1')
await once(server, 'listening')
const address = /** @type {import('node:net').AddressInfo} */ (server.address())
const baseUrl = `http://127.0.0.1:${address.port}`

const keycloak = await startKeycloak({
  realms: [fileURLToPath(new URL('acme-realm.json', import.meta.url))],
  onProgress: (line) => console.error(line),
})
server.on('request', createApp({ keycloakUrl: keycloak.url, baseUrl }))
console.log(`
Open ${baseUrl} and log in as

  alice  with the password  alice-pw   (roles admin and web:editor)
  bob    with the password  bob-pw     (neither)
`)
