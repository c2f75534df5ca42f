/** An Express application whose users log in with Keycloak. */
import { randomBytes } from 'node:crypto'
import express from 'express'
import session from 'express-session'
import { createOidc, keycloak } from 'express-session-oidc'
import { page } from './page.js'

/**
 * @param {object} options
 * @param {string} options.keycloakUrl where browsers reach Keycloak
 * @param {string} options.baseUrl where browsers reach this application
 * @param {import('express-session').Store} [options.store] default: express-session's own, in memory
 * @returns {import('express').Express}
 */
export function createApp({ keycloakUrl, baseUrl, store }) {
  const oidc = createOidc({
    // Realm roles have plain names such as `admin`; client roles have names such as `web:editor`.
    provider: keycloak({ url: keycloakUrl, realm: 'acme' }),
    clientId: 'web',
    clientSecret: 'web-secret',
    baseUrl,
    // In production, configure this secret and that of the session, the same for all processes and at each start.
    secret: randomBytes(32).toString('hex'),
  })

  const app = express()
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
    const { name, email } = oidc.user(req)
    const { roles, scope } = req.oidc
    res.send(page('Profile', { Name: name, Mail: email, Roles: roles.join(', '), Scope: scope.join(', ') }))
  })
  app.get('/admin', oidc.requireAuth({ roles: ['admin'] }), (_req, res) => {
    res.send(page('Admin', { 'You have': 'the role admin of the realm' }))
  })
  app.get('/editor', oidc.requireAuth({ roles: ['web:editor'] }), (_req, res) => {
    res.send(page('Editor', { 'You have': 'the role editor of the client web' }))
  })
  // Requests one more scope when it is needed, not at the first login.
  app.get('/connect/calendar', oidc.login({ scope: ['openid', 'calendar.read'], returnTo: '/profile' }))

  app.use(oidc.errorHandler())
  return app
}
