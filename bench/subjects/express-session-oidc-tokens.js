/** This package, with routes that use the access token. */
import { build as buildOurs } from './express-session-oidc.js'
import { getAnswer } from './settings.js'

/** @param {import('./settings.js').Surroundings} surroundings */
export function build(surroundings) {
  return buildOurs(surroundings, (app, oidc) => {
    app.get('/me-and-token', oidc.requireAuth(), (req, res, next) => {
      req.oidc.accessToken().then(() => res.json(getAnswer(req.oidc.user)), next)
    })
    app.get('/token', oidc.requireAuth(), (req, res, next) => {
      req.oidc.accessToken().then((token) => res.json({ token }), next)
    })
  })
}
