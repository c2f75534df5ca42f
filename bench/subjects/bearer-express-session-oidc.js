/** This package: createBearer() with only the required options. */
import express from 'express'
import { createBearer } from 'express-session-oidc'

/** @param {import('./settings.js').ApiSurroundings} surroundings */
export function build({ provider: { issuer, audience } }) {
  const api = createBearer({ issuer, audience })
  const app = express()
  app.get('/orders', api.requireBearer(), (req, res) => {
    res.json({ sub: req.auth.sub })
  })
  return app
}
