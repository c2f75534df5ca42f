import { randomBytes } from 'node:crypto'
import { startProvider as start } from '../demo/provider.js'
import { confirmed } from './app.js'

/**
 * Starts a provider in this process. It grants scope only with the user's consent, and can ask users to confirm a login.
 *
 * @param {string} baseUrl of the application
 */
export async function startProvider(baseUrl) {
  const clientId = 'planner'
  const clientSecret = randomBytes(32).toString('hex')
  const { issuer, close } = await start({
    scopes: { 'calendar.read': 'Read your calendar', 'contacts.read': 'Read your contacts' },
    acrValues: [confirmed],
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        client_name: 'The planner',
        redirect_uris: [`${baseUrl}/callback`],
        post_logout_redirect_uris: [`${baseUrl}/`],
      },
    ],
  })
  return { settings: { issuer, clientId, clientSecret }, close }
}
