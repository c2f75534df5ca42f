/** This package, set up as in its README. */
import express from 'express'
import session from 'express-session'
import { createOidc } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'
import { getAnswer, connectRedis, secret, sessionOptions } from './settings.js'

/**
 * @param {import('./settings.js').Surroundings} surroundings
 * @param {(app: express.Express, oidc: import('express-session-oidc').Oidc) => void} [addRoutes]
 */
export async function build({ url, redisUrl, provider, fetch }, addRoutes = () => {}) {
  const store = new RedisSessionStore({ client: await connectRedis(redisUrl) })
  const oidc = createOidc({ ...provider, baseUrl: url, secret, sessionStore: store, ...(fetch ? { fetch } : {}) })
  const app = express()
  app.use(session({ ...sessionOptions, store }))
  app.use(oidc.router)
  app.get('/me', oidc.requireAuth(), (req, res) => {
    res.json(getAnswer(req.oidc.user))
  })
  addRoutes(app, oidc)
  app.use(oidc.errorHandler())
  return app
}
