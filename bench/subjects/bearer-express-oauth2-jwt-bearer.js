/** express-oauth2-jwt-bearer, set up as at the start of its README. */
import express from 'express'
import { auth } from 'express-oauth2-jwt-bearer'

/** @param {import('./settings.js').ApiSurroundings} surroundings */
export function build({ provider: { issuer, audience } }) {
  const app = express()
  app.get('/orders', auth({ issuerBaseURL: issuer, audience }), (req, res) => {
    res.json({ sub: req.auth?.payload.sub })
  })
  return app
}
