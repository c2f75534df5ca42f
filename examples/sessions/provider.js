import { randomBytes } from 'node:crypto'
import { startProvider as start } from '../demo/provider.js'

/**
 * Starts a provider in this process.
 *
 * @param {string} baseUrl of the application
 */
export async function startProvider(baseUrl) {
  const clientId = 'library'
  const clientSecret = randomBytes(32).toString('hex')
  const { issuer, close } = await start({
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        client_name: 'The library',
        redirect_uris: [`${baseUrl}/callback`],
        post_logout_redirect_uris: [`${baseUrl}/`],
      },
    ],
  })
  return { settings: { issuer, clientId, clientSecret }, close }
}
