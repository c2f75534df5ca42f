/** An Express application whose users log in with Microsoft Entra ID, and an API that accepts Entra's access tokens. */
import { randomBytes } from 'node:crypto'
import express from 'express'
import session from 'express-session'
import { createBearer, createOidc, entra } from 'express-session-oidc'
import { page } from './page.js'

/**
 * @param {object} options
 * @param {string | string[]} options.tenant the ID of the tenant, or a list of IDs
 * @param {string} options.clientId
 * @param {string} options.clientSecret
 * @param {string | string[]} options.audience the API's application ID, and its application ID URI for tokens of version 1
 * @param {string} options.baseUrl where browsers reach this application
 * @param {typeof globalThis.fetch} [options.fetch] for the simulated Entra; default: Node's own
 * @param {import('express-session').Store} [options.store] default: express-session's own, in memory
 * @returns {import('express').Express}
 */
export function createApp({ tenant, clientId, clientSecret, audience, baseUrl, fetch = globalThis.fetch, store }) {
  const provider = entra({
    tenant,
    // Guests of the tenant have the claim `idp`. Leave the rule out to accept them.
    allow: ({ idp }) => idp === undefined,
    // Called only for users in more groups than fit into a token.
    groups: (_claims, accessToken) => getGroups(accessToken, fetch),
  })
  const oidc = createOidc({
    provider,
    clientId,
    clientSecret,
    baseUrl,
    fetch,
    // In production, configure this secret and that of the session, the same for all processes and at each start.
    secret: randomBytes(32).toString('hex'),
  })
  const api = createBearer({
    provider: entra({ tenant, allow: ({ idp }) => idp === undefined, groups: false }),
    audience,
    fetch,
  })

  const app = express()
  app.get('/api/orders', api.requireBearer({ scope: 'Orders.Read' }), (req, res) => {
    const { tid, oid } = req.auth.claims
    // Both together identify the user: `sub` differs between applications.
    res.json({ orders: ['Tea', 'Biscuits'], for: { tid, oid } })
  })

  app.use(
    session({
      ...(store && { store }),
      // With this prefix, no other host of the domain can set the cookie. It requires https, the path / and no domain.
      name: baseUrl.startsWith('https:') ? '__Host-sid' : 'sid',
      secret: randomBytes(32).toString('hex'),
      resave: false,
      saveUninitialized: false,
      cookie: { secure: baseUrl.startsWith('https:'), sameSite: 'lax' },
    }),
  )
  app.use(oidc.router)

  app.get('/', (req, res) => {
    res.send(page('Home', { 'Logged in as': oidc.context(req).user?.name ?? 'nobody' }))
  })
  app.get('/profile', oidc.requireAuth(), (req, res) => {
    const user = /** @type {Record<string, unknown>} */ (oidc.user(req))
    const groups = Array.isArray(user['groups']) ? user['groups'].length : 0
    res.send(
      page('Profile', {
        Name: user['name'],
        'User name': user['preferred_username'],
        Tenant: user['tid'],
        'ID in the tenant': user['oid'],
        Roles: req.oidc.roles.join(', ') || 'none',
        Groups: groups,
      }),
    )
  })
  app.get('/admin', oidc.requireAuth({ roles: ['Admin'] }), (_req, res) => {
    res.send(page('Admin', { 'You have': 'the role Admin of the application' }))
  })

  app.use(oidc.errorHandler())
  return app
}

/**
 * Fetches the groups of the user of an access token for Microsoft Graph. It needs the delegated permission `User.Read`.
 *
 * @param {string} accessToken
 * @param {typeof globalThis.fetch} fetch
 * @returns {Promise<string[]>}
 */
async function getGroups(accessToken, fetch) {
  const response = await fetch('https://graph.microsoft.com/v1.0/me/getMemberObjects', {
    method: 'POST',
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ securityEnabledOnly: true }),
    signal: AbortSignal.timeout(5000),
  })
  if (!response.ok) throw new Error(`Microsoft Graph answered ${response.status}`)
  const { value } = /** @type {{ value: string[] }} */ (await response.json())
  return value
}
