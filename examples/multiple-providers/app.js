import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import express from 'express'
import session from 'express-session'
import { createOidc, requireAnyAuth } from 'express-session-oidc'
import helmet from 'helmet'
import { guardedPage, homePage, notFoundPage, signInPage } from './pages.js'

/**
 * An application whose users log in with one of two providers, or with both.
 *
 * @param {object} options
 * @param {string} options.baseUrl where browsers reach it
 * @param {Provider} options.staff
 * @param {Provider} options.customers
 * @param {import('express-session').Store} [options.store] default: express-session's own, in memory
 * @param {string} [options.secret] at least 32 characters; default: a new one at each start
 * @returns {import('express').Express}
 *
 * @typedef {{ issuer: string, clientId: string, clientSecret: string }} Provider
 */
export function createApp({ baseUrl, staff: atStaff, customers: atCustomers, store, secret = newSecret() }) {
  const https = baseUrl.startsWith('https:')
  // Each instance has its own routes: /staff/login, /staff/callback, /staff/logout.
  const common = { baseUrl, secret, loginPage: '/signin' }
  const staff = createOidc({ ...common, ...atStaff, name: 'staff' })
  const customers = createOidc({ ...common, ...atCustomers, name: 'customers' })

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
      name: https ? '__Host-providers.sid' : 'providers.sid',
      secret,
      resave: false,
      saveUninitialized: false,
      cookie: { secure: https, sameSite: 'lax' },
    }),
  )
  app.use(staff.router)
  app.use(customers.router)
  app.use((_req, res, next) => {
    res.set('Cache-Control', 'no-store')
    next()
  })

  /** Both logins, because `req.oidc` is only one of them. */
  const view = (/** @type {import('express').Request} */ req) => ({
    path: req.path,
    logins: [
      { text: 'Staff', as: 'staff', paths: staff.paths, issuer: atStaff.issuer, oidc: staff.context(req) },
      {
        text: 'Customers',
        as: 'a customer',
        paths: customers.paths,
        issuer: atCustomers.issuer,
        oidc: customers.context(req),
      },
    ],
  })

  app.get('/', (req, res) => {
    res.send(homePage(view(req)))
  })
  app.get('/signin', (req, res) => {
    const { returnTo } = req.query
    // Only for display: the login itself accepts no returnTo that leaves this origin.
    const known = typeof returnTo === 'string' && /^\/(?![/\\])/.test(returnTo)
    res.send(signInPage(view(req), known ? returnTo : '/'))
  })
  app.get('/staff-only', staff.requireAuth(), (req, res) => {
    res.send(guardedPage(view(req), 'Staff only', staff.user(req), 'staff'))
  })
  app.get('/customers-only', customers.requireAuth(), (req, res) => {
    res.send(guardedPage(view(req), 'Customers only', customers.user(req), 'customers'))
  })
  app.get('/either', requireAnyAuth([staff, customers]), (req, res) => {
    // Behind this guard, `req.oidc` is the context of the login that was accepted.
    if (!req.oidc.isAuthenticated) return
    res.send(guardedPage(view(req), 'Either', req.oidc.user, req.oidc.provider))
  })
  app.use((req, res) => {
    res.status(404).send(notFoundPage(view(req)))
  })
  app.use(staff.errorHandler())
  return app
}

function newSecret() {
  return randomBytes(32).toString('hex')
}
