/** This package, with routes that list and end the logins of a user. */
import { build as buildOurs } from './express-session-oidc.js'

/** @param {import('./settings.js').Surroundings} surroundings */
export function build(surroundings) {
  return buildOurs(surroundings, (app, oidc) => {
    app.get('/logins/:sub', (req, res, next) => {
      oidc.logins.list({ sub: req.params.sub }).then((logins) => res.json(logins.length), next)
    })
    app.post('/logins/:sub/end', (req, res, next) => {
      const begin = performance.now()
      oidc.logins.end({ sub: req.params.sub }).then((ended) => res.json({ ended, ms: performance.now() - begin }), next)
    })
  })
}
