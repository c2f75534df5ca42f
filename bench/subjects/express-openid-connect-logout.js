/** express-openid-connect with sessions in Redis and back-channel logout, whose marks are in the same store. */
import { RedisStore } from 'connect-redis'
import eoc from 'express-openid-connect'
import { build as buildWithCookies } from './express-openid-connect-cookies.js'
import { connectRedis } from './settings.js'

/** @param {import('./settings.js').Surroundings} surroundings */
export async function build(surroundings) {
  const client = await connectRedis(surroundings.redisUrl)
  const app = buildWithCookies(surroundings, { store: new RedisStore({ client }) }, { backchannelLogout: true })
  app.get('/sid', eoc.requiresAuth(), (req, res) => {
    res.json(req.oidc.idTokenClaims.sid)
  })
  // Without this handler Express prints each 401, and the bench requests many.
  app.use(
    /** @type {import('express').ErrorRequestHandler} */ (error, _req, res, _next) => {
      res.status(error.status ?? 500).json({ error: error.message })
    },
  )
  return app
}
