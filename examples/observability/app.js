/** An application that its operators can observe: a log, metrics and probes. */
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import express from 'express'
import session from 'express-session'
import { createOidc } from 'express-session-oidc'
import { logEvents, logFailures, logRequests } from './log.js'
import { countEvents, startMetrics, timedFetch } from './metrics.js'
import { createOperations } from './operations.js'
import { page } from './page.js'

/**
 * @param {object} options
 * @param {string} options.baseUrl where browsers reach it
 * @param {{ issuer: string, clientId: string, clientSecret?: string }} options.provider
 * @param {import('pino').Logger} options.log
 * @param {import('express-session').Store} [options.store] default: express-session's own, in memory
 * @param {string} [options.secret] at least 32 characters; default: a new one at each start
 * @returns {{ app: import('express').Express, operations: import('express').Express, close: () => Promise<void> }}
 */
export function createApp({ baseUrl, provider, log, store, secret = randomBytes(32).toString('hex') }) {
  const metrics = startMetrics()
  const oidc = createOidc({
    ...provider,
    baseUrl,
    secret,
    fetch: timedFetch(metrics.meter),
    bearer: { audience: 'orders' },
    log: logFailures(log),
  })
  const stops = [logEvents(oidc, log), countEvents(metrics.meter)]

  const app = express()
  app.use(express.static(fileURLToPath(new URL('../demo/public', import.meta.url)), { index: false }))
  app.use(logRequests(log))
  app.use(
    session({
      ...(store && { store }),
      // With this prefix, no other host of the domain can set the cookie. It requires https, the path / and no domain.
      name: baseUrl.startsWith('https:') ? '__Host-observed.sid' : 'observed.sid',
      secret,
      resave: false,
      saveUninitialized: false,
      cookie: { secure: baseUrl.startsWith('https:'), sameSite: 'lax' },
    }),
  )
  app.use(oidc.router)

  /**
   * @param {import('express').Request} req
   * @param {string} title
   * @param {readonly string[]} [rows]
   */
  const shown = (req, title, rows) =>
    page({ path: req.path, title, name: oidc.context(req).user?.name, paths: oidc.paths, ...(rows && { rows }) })

  /**
   * Calls another service as the user. Here the service is this application.
   *
   * @param {import('express').Request} req
   */
  async function listOrders(req) {
    const token = await oidc.context(req).accessToken()
    const answer = await fetch(`${baseUrl}/api/orders`, { headers: { authorization: `Bearer ${token}` } })
    if (!answer.ok) throw new Error(`the orders cannot be fetched: ${answer.status}`)
    const { orders } = /** @type {{ orders: string[] }} */ (await answer.json())
    return orders
  }

  app.get('/', (req, res) => {
    const { user } = oidc.context(req)
    res.set('Cache-Control', 'no-store')
    res.send(shown(req, user ? `Hello, ${user.name}` : 'You are not logged in'))
  })
  app.get('/orders', oidc.requireAuth(), (req, res, next) => {
    listOrders(req).then((orders) => {
      res.set('Cache-Control', 'no-store')
      res.send(shown(req, 'Your orders', orders))
    }, next)
  })
  app.get('/admin', oidc.requireAuth({ roles: ['admin'] }), (req, res) => {
    res.set('Cache-Control', 'no-store')
    res.send(shown(req, 'Admin'))
  })
  app.get('/api/orders', oidc.requireBearer(), (req, res) => {
    res.json({ orders: ['Tea', 'Biscuits'], for: req.auth.sub })
  })
  // The error handler also emits the events for faults of the session store.
  app.use(oidc.errorHandler())

  return {
    app,
    operations: createOperations({ oidc, log, metrics: metrics.handler }),
    async close() {
      for (const stop of stops) stop()
      await metrics.stop()
    },
  }
}
