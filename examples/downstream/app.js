import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import express from 'express'
import session from 'express-session'
import { createOidc } from 'express-session-oidc'
import helmet from 'helmet'
import { homePage, invoicesPage, notFoundPage, ordersPage, pricesPage } from './pages.js'

/**
 * An application that calls other services as its users.
 *
 * @param {object} options
 * @param {string} options.baseUrl where browsers reach it
 * @param {{ issuer: string, clientId: string, clientSecret?: string }} options.provider
 * @param {{ orders: string, invoices: string }} options.apis their origins
 * @param {import('express-session').Store} [options.store] default: express-session's own, in memory
 * @param {string} [options.secret] at least 32 characters; default: a new one at each start
 * @returns {import('express').Express}
 */
export function createApp({ baseUrl, provider, apis, store, secret = randomBytes(32).toString('hex') }) {
  const https = baseUrl.startsWith('https:')
  // A user's access token is sent to no other origin.
  const oidc = createOidc({ ...provider, baseUrl, secret, fetchOrigins: [apis.orders] })
  let refreshes = 0
  oidc.on('refresh', () => refreshes++)

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
      name: https ? '__Host-shop.sid' : 'shop.sid',
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

  // Calls the API with the access token of the login. An expired token is refreshed once across all concurrent requests.
  app.get(
    '/orders',
    oidc.requireAuth(),
    handler(async (req, res) => {
      const { orders } = await getJson(await oidc.context(req).fetch(`${apis.orders}/orders`))
      res.send(ordersPage({ ...view(req), orders, refreshes }))
    }),
  )

  // The API requires scope that was not requested yet: errorHandler() starts a step-up login, which returns here.
  app.get(
    '/prices',
    oidc.requireAuth(),
    handler(async (req, res) => {
      const { prices } = await getJson(await oidc.context(req).fetch(`${apis.orders}/prices`))
      res.send(pricesPage({ ...view(req), prices }))
    }),
  )

  // Exchanges the login's token for a token for another service (RFC 8693).
  app.get(
    '/invoices',
    oidc.requireAuth(),
    handler(async (req, res) => {
      const token = await oidc.context(req).exchange({ audience: 'invoices' })
      const answer = await fetch(`${apis.invoices}/invoices`, { headers: { authorization: `Bearer ${token}` } })
      const { invoices } = await getJson(answer)
      res.send(invoicesPage({ ...view(req), invoices }))
    }),
  )

  app.use((req, res) => {
    res.status(404).send(notFoundPage(view(req)))
  })
  app.use(oidc.errorHandler())
  return app
}

/**
 * Passes errors of a handler to errorHandler(). Express 5 does this by itself, Express 4 does not.
 *
 * @param {(req: import('express').Request, res: import('express').Response) => Promise<void>} work
 * @returns {import('express').RequestHandler}
 */
function handler(work) {
  return (req, res, next) => {
    work(req, res).catch(next)
  }
}

/**
 * @param {Response} answer
 * @returns {Promise<any>}
 */
async function getJson(answer) {
  if (answer.ok) return answer.json()
  throw new Error(`the API answered ${answer.status}`)
}
