import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import express from 'express'
import session from 'express-session'
import { createOidc } from 'express-session-oidc'
import helmet from 'helmet'
import { calendarPage, contactsPage, homePage, notFoundPage, transferPage } from './pages.js'

/** The authentication context class of a login that its user has confirmed. */
export const confirmed = 'urn:example:confirmed'

/**
 * An application whose login requests little scope. It requests more when the user opens a page that needs it.
 *
 * @param {object} options
 * @param {string} options.baseUrl where browsers reach it
 * @param {{ issuer: string, clientId: string, clientSecret: string }} options.provider
 * @param {import('express-session').Store} [options.store] default: express-session's own, in memory
 * @param {string} [options.secret] at least 32 characters; default: a new one at each start
 * @returns {import('express').Express}
 */
export function createApp({ baseUrl, provider, store, secret = randomBytes(32).toString('hex') }) {
  const https = baseUrl.startsWith('https:')
  const oidc = createOidc({ ...provider, baseUrl, secret, scope: 'openid profile' })

  const app = express()
  app.use(
    helmet({
      contentSecurityPolicy: {
        // Safari upgrades the style sheet of http://localhost to https too, and no server answers there.
        directives: https ? {} : { 'upgrade-insecure-requests': null },
      },
    }),
  )
  app.use(express.static(fileURLToPath(new URL('../demo/public', import.meta.url)), { index: false }))
  app.use(
    session({
      ...(store && { store }),
      // With this prefix, no other host of the domain can set the cookie. It requires https, the path / and no domain.
      name: https ? '__Host-planner.sid' : 'planner.sid',
      secret,
      resave: false,
      saveUninitialized: false,
      cookie: { secure: https, sameSite: 'lax' },
    }),
  )
  app.use(oidc.router)
  app.use((_req, res, next) => {
    res.set('Cache-Control', 'no-store')
    next()
  })

  const view = (/** @type {import('express').Request} */ req) => ({
    path: req.path,
    paths: oidc.paths,
    issuer: provider.issuer,
    oidc: oidc.context(req),
  })
  app.get('/', (req, res) => {
    res.send(homePage(view(req)))
  })

  // Opening the page requests the scope if it is missing. After a refusal, the response is 403.
  app.get('/calendar', oidc.requireAuth({ scope: 'calendar.read' }), (req, res) => {
    res.send(calendarPage(view(req)))
  })

  // A button requests the scope, in addition to what was granted.
  app.get('/connect/contacts', oidc.login({ scope: 'contacts.read', returnTo: '/' }))
  app.get('/contacts', oidc.requireAuth({ scope: 'contacts.read', redirect: false }), (req, res) => {
    res.send(contactsPage(view(req)))
  })

  // The user must confirm the login before the page opens. It stays open for a minute after that.
  app.get('/transfer', oidc.requireAuth({ acr: confirmed, maxAuthAgeSeconds: 0 }), (req, res) => {
    res.send(transferPage(view(req)))
  })

  app.use((req, res) => {
    res.status(404).send(notFoundPage(view(req)))
  })
  app.use(oidc.errorHandler())
  return app
}
