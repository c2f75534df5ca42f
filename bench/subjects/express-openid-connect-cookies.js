/** express-openid-connect with the code flow. It keeps session and tokens in encrypted cookies, as by default. */
import express from 'express'
import eoc from 'express-openid-connect'
import { getAnswer, secret } from './settings.js'

/** @param {import('./settings.js').Surroundings} surroundings @param {object} [session] @param {object} [more] options */
export function build({ url, provider, fetch }, session = {}, more = {}) {
  const app = express()
  app.use(
    eoc.auth({
      issuerBaseURL: provider.issuer,
      baseURL: url,
      clientID: provider.clientId,
      clientSecret: provider.clientSecret,
      secret,
      authRequired: false,
      authorizationParams: { response_type: 'code', scope: 'openid profile email' },
      session,
      ...more,
      ...(fetch ? { customFetch: fetch } : {}),
    }),
  )
  app.get('/me', eoc.requiresAuth(), (req, res) => {
    res.json(getAnswer(req.oidc.user))
  })
  return app
}
