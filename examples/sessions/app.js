import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import express from 'express'
import session from 'express-session'
import { createOidc } from 'express-session-oidc'
import helmet from 'helmet'
import { devicesPage, endedPage, homePage, notFoundPage } from './pages.js'

/**
 * An application whose users see on which devices they are logged in, and can log out there.
 *
 * @param {object} options
 * @param {string} options.baseUrl where browsers reach it
 * @param {{ issuer: string, clientId: string, clientSecret: string }} options.provider
 * @param {import('express-session').Store} [options.store] default: express-session's own, in memory
 * @param {string} [options.secret] at least 32 characters; default: a new one at each start
 * @returns {import('express').Express}
 */
export function createApp({
  baseUrl,
  provider,
  store = new session.MemoryStore(),
  secret = randomBytes(32).toString('hex'),
}) {
  const https = baseUrl.startsWith('https:')
  // sessionStore lets oidc.logins work without a request; storeDevice stores browser and address with each login.
  const oidc = createOidc({ ...provider, baseUrl, secret, sessionStore: store, storeDevice: true })

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
      store,
      // With this prefix, no other host of the domain can set the cookie. It requires https, the path / and no domain.
      name: https ? '__Host-devices.sid' : 'devices.sid',
      secret,
      resave: false,
      saveUninitialized: false,
      // With a maxAge, the sessions of MemoryStore show when they were last in use.
      cookie: { secure: https, sameSite: 'lax', maxAge: 8 * 3600 * 1000 },
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

  app.get(
    '/devices',
    oidc.requireAuth(),
    handler(async (req, res) => {
      const logins = await oidc.logins.list({ sub: oidc.user(req).sub })
      res.send(devicesPage({ ...view(req), logins }))
    }),
  )

  app.post(
    '/devices/others/end',
    oidc.requireAuth(),
    handler(async (req, res) => {
      const logins = await oidc.logins.list({ sub: oidc.user(req).sub })
      const others = logins.filter(({ id }) => id !== oidc.context(req).loginId)
      await Promise.all(others.map(({ id }) => oidc.logins.end({ id })))
      res.redirect(303, '/devices')
    }),
  )

  app.post(
    '/devices/:id/end',
    oidc.requireAuth(),
    handler(async (req, res) => {
      // Knowing an id is no permission: the login must belong to the user.
      const logins = await oidc.logins.list({ sub: oidc.user(req).sub })
      const login = logins.find(({ id }) => id === req.params['id'])
      if (!login) {
        res.status(404).send(endedPage(view(req)))
        return
      }
      await oidc.logins.end({ id: login.id })
      res.redirect(303, '/devices')
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
