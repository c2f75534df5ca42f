/** An API for pages of another origin, with access tokens and without sessions or cookies. */
import express from 'express'
import { createBearer } from 'express-session-oidc'

/**
 * @param {object} options
 * @param {string} options.issuer the issuer whose tokens it accepts
 * @param {string} options.audience the provider's name for this API
 * @param {string} options.baseUrl where clients reach it
 * @param {string} options.pagesOrigin the only origin whose pages may read its responses
 * @returns {import('express').Express}
 */
export function createApi({ issuer, audience, baseUrl, pagesOrigin }) {
  const bearer = createBearer({ issuer, audience, baseUrl })

  const app = express()
  app.disable('x-powered-by')
  app.use(bearer.router)
  app.use(allowPages(pagesOrigin))
  app.use((_req, res, next) => {
    res.set('Cache-Control', 'no-store')
    next()
  })

  app.get('/profile', bearer.requireBearer(), (req, res) => {
    const { sub, scope, roles } = req.auth
    res.json({ sub, scope, roles })
  })
  app.get('/calendar', bearer.requireBearer({ scope: 'calendar.read' }), (_req, res) => {
    res.json({ entries: ['09:30 Stand-up', '14:00 Review'] })
  })
  app.get('/admin', bearer.requireBearer({ roles: ['admin'] }), (_req, res) => {
    res.json({ users: 2 })
  })
  // A transfer requires a strong and recent login (RFC 9470).
  app.post('/transfers', bearer.requireBearer({ acr: 'gold', maxAuthAgeSeconds: 300 }), (req, res) => {
    const { acr, auth_time: authTime } = req.auth.claims
    res.status(201).json({ transfer: 'done', acr, auth_time: authTime })
  })
  app.use((_req, res) => {
    res.status(404).json({ error: 'not_found' })
  })
  return app
}

/**
 * Allows pages of one origin (CORS, Fetch 3.2), without credentials: the token is in a header, and no cookie is used.
 *
 * @param {string} origin
 * @returns {import('express').RequestHandler}
 */
function allowPages(origin) {
  return (req, res, next) => {
    res.vary('Origin')
    if (req.get('Origin') === origin) {
      res.set({
        'Access-Control-Allow-Origin': origin,
        // Scripts can read only a few safe headers by default. The guard's challenge tells the page what to do next.
        'Access-Control-Expose-Headers': 'WWW-Authenticate, Retry-After',
      })
    }
    // The preflight request, which is sent without a token before the request with one.
    if (req.method === 'OPTIONS' && req.get('Access-Control-Request-Method') !== undefined) {
      res.set({
        'Access-Control-Allow-Methods': 'GET, POST',
        'Access-Control-Allow-Headers': 'Authorization, Content-Type',
        'Access-Control-Max-Age': '600',
      })
      res.status(204).end()
      return
    }
    next()
  }
}
