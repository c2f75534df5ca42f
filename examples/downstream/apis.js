/** Two APIs of other teams: each takes access tokens of its own audience, and knows nothing of sessions. */
import express from 'express'
import { createBearer } from 'express-session-oidc'

/**
 * Orders: whoever reads them needs no more than a token, whoever reads prices the scope `prices.read`.
 *
 * @param {{ issuer: string }} options whose tokens it takes
 * @returns {import('express').Express}
 */
export function createOrdersApi({ issuer }) {
  const bearer = createBearer({ issuer, audience: 'orders' })
  const app = express()
  app.get('/orders', bearer.requireBearer(), (_req, res) => {
    res.json({ orders: ['Twelve pencils', 'A globe'] })
  })
  // What is missing stands in the challenge (RFC 6750 3.1), and the application asks its user for it.
  app.get('/prices', bearer.requireBearer({ scope: 'prices.read' }), (_req, res) => {
    res.json({ prices: ['Twelve pencils: 6.00', 'A globe: 80.00'] })
  })
  return app
}

/**
 * Invoices: for tokens that are meant for them, which no token of a login is.
 *
 * @param {{ issuer: string }} options whose tokens it takes
 * @returns {import('express').Express}
 */
export function createInvoicesApi({ issuer }) {
  const bearer = createBearer({ issuer, audience: 'invoices' })
  const app = express()
  app.get('/invoices', bearer.requireBearer(), (req, res) => {
    res.json({ invoices: [`Two items for ${req.auth.sub}`] })
  })
  return app
}
