import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import express from 'express'
import session from 'express-session'
import { createOidc, keycloak } from 'express-session-oidc'
import helmet from 'helmet'
import { adminPage, homePage, membersPage, notFoundPage } from './pages.js'

const scope = ['openid', 'profile', 'email']
const extraScope = 'calendar.read'

/**
 * Creates the application of the demo.
 *
 * @param {object} options
 * @param {string} options.baseUrl where browsers reach it
 * @param {Provider} options.provider
 * @param {import('express-session').Store} [options.store] default: express-session's own, in memory
 * @param {string} [options.secret] at least 32 characters; default: a new one at each start
 * @returns {{ app: import('express').Express, oidc: import('express-session-oidc').Oidc }}
 *
 * @typedef {object} Provider
 * @property {string} issuer
 * @property {string} clientId
 * @property {string} clientSecret
 * @property {readonly { name: string, roles: readonly string[] }[]} [users] users of the provider in this process
 */
export function createDemo({ baseUrl, provider, store, secret = randomBytes(32).toString('hex') }) {
  const { issuer, clientId, clientSecret, users } = provider
  const https = baseUrl.startsWith('https:')

  const oidc = createOidc({
    ...findProvider(issuer, clientId),
    clientId,
    clientSecret,
    baseUrl,
    secret,
    scope,
  })

  const app = express()
  app.use(
    helmet({
      contentSecurityPolicy: {
        // Safari upgrades the style sheet of http://localhost to https too, and no server answers there.
        directives: https ? {} : { 'upgrade-insecure-requests': null },
      },
    }),
  )
  app.use(express.static(fileURLToPath(new URL('public', import.meta.url)), { index: false }))
  // Browsers request this path on pages that name no icon, such as those of the package.
  app.get('/favicon.ico', (_req, res) => {
    res.redirect(301, '/icon.svg')
  })
  app.use(
    session({
      ...(store && { store }),
      // With this prefix, no other host of the domain can set the cookie. It requires https, the path / and no domain.
      name: https ? '__Host-demo.sid' : 'demo.sid',
      secret,
      resave: false,
      saveUninitialized: false,
      cookie: { secure: https, sameSite: 'lax' },
    }),
  )
  app.use(oidc.router)

  /** @type {import('./pages.js').Facts} */
  const facts = {
    issuer,
    embedded: users !== undefined,
    store: store ? 'Redis' : 'memory',
    extraScope,
    users: users ?? [],
  }
  const view = (/** @type {import('express').Request} */ req) => ({
    path: req.path,
    login: getLogin(oidc.context(req)),
    paths: oidc.paths,
    facts,
  })

  app.get('/', (req, res) => {
    fresh(res).send(homePage(view(req)))
  })
  app.get('/members', oidc.requireAuth({ roles: ['user'] }), (req, res) => {
    fresh(res).send(membersPage(view(req)))
  })
  app.get('/admin', oidc.requireAuth({ roles: ['admin'] }), (req, res) => {
    fresh(res).send(adminPage(view(req)))
  })
  app.get('/connect/calendar', oidc.login({ scope: [...scope, extraScope], returnTo: '/#scope' }))
  app.get('/api/time', oidc.requireAuth({ redirect: false }), (req, res) => {
    fresh(res).json({ time: new Date().toISOString(), user: oidc.user(req).sub })
  })
  app.use((req, res) => {
    fresh(res)
      .status(404)
      .send(notFoundPage(view(req)))
  })
  app.use(oidc.errorHandler())
  return { app, oidc }
}

/**
 * @param {Parameters<typeof createDemo>[0]} options
 * @returns {import('express').Express}
 */
export function createApp(options) {
  return createDemo(options).app
}

/**
 * Returns the option `provider` for a Keycloak realm, otherwise the option `issuer`. Keycloak's preset reads roles from the
 * access token. For any other provider, roles are the claim `roles`.
 *
 * @param {string} issuer
 * @param {string} client
 */
function findProvider(issuer, client) {
  const [, url, realm] = /^(.+)\/realms\/([^/]+)$/.exec(issuer) ?? []
  if (url === undefined || realm === undefined) return { issuer }
  return { provider: keycloak({ url, realm: decodeURIComponent(realm), client }) }
}

/**
 * @param {import('express-session-oidc').OidcContext} context
 * @returns {import('./pages.js').Login | undefined}
 */
function getLogin({ isAuthenticated, user, roles, scope }) {
  if (!isAuthenticated) return undefined
  return {
    name: user.name ?? user.preferred_username ?? user.sub,
    email: user.email,
    roles,
    scope,
    claims: { ...user },
  }
}

/**
 * Keeps pages with user data out of caches, so that after a logout the back button requests them from the server.
 *
 * @param {import('express').Response} res
 */
function fresh(res) {
  return res.set('Cache-Control', 'no-store')
}
