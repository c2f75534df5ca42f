import { randomBytes } from 'node:crypto'
import { startProvider } from '../demo/provider.js'

const staffUsers = [
  { sub: 'sam', name: 'Sam Sorrel', email: 'sam@staff.example', roles: ['editor'], about: 'editor' },
  { sub: 'tess', name: 'Tess Thorn', email: 'tess@staff.example', roles: [], about: 'no role' },
]
const customerUsers = [
  { sub: 'cleo', name: 'Cleo Clover', email: 'cleo@example.com', roles: [], about: 'customer' },
  { sub: 'dan', name: 'Dan Daisy', email: 'dan@example.com', roles: [], about: 'customer' },
]

/**
 * Starts two providers in this process, each with its own users.
 *
 * @param {string} baseUrl of the application
 */
export async function startProviders(baseUrl) {
  const [staff, customers] = await Promise.all([
    start(baseUrl, 'staff', { name: 'Staff ID', accent: 'blue', users: staffUsers }),
    start(baseUrl, 'customers', { name: 'Customer ID', accent: 'green', users: customerUsers }),
  ])
  return {
    staff: staff.settings,
    customers: customers.settings,
    close: async () => {
      await Promise.all([staff.close(), customers.close()])
    },
  }
}

/**
 * @param {string} baseUrl
 * @param {string} instance
 * @param {Pick<Parameters<typeof startProvider>[0], 'name' | 'accent' | 'users'>} look
 */
async function start(baseUrl, instance, look) {
  const clientId = `shop-${instance}`
  const clientSecret = randomBytes(32).toString('hex')
  const { issuer, close } = await startProvider({
    ...look,
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        client_name: 'The shop',
        redirect_uris: [`${baseUrl}/${instance}/callback`],
        post_logout_redirect_uris: [`${baseUrl}/`],
      },
    ],
  })
  return { settings: { issuer, clientId, clientSecret }, close }
}
