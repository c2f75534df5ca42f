/** Two APIs of other teams. Each accepts access tokens for its own audience, and has no sessions. */
import express from 'express'
import { createBearer } from 'express-session-oidc'

/**
 * The orders API: reading orders needs a token, reading prices needs the scope `prices.read` too.
 *
 * @param {{ issuer: string }} options the issuer whose tokens it accepts
 * @returns {import('express').Express}
 */
export function createOrdersApi({ issuer }) {
  const bearer = createBearer({ issuer, audience: 'orders' })
  const app = express()
  app.get('/orders', bearer.requireBearer(), (_req, res) => {
    res.json({ orders: ['Twelve pencils', 'A globe'] })
  })
  // The challenge names the missing scope (RFC 6750 3.1), which the application then requests.
  app.get('/prices', bearer.requireBearer({ scope: 'prices.read' }), (_req, res) => {
    res.json({ prices: ['Twelve pencils: 6.00', 'A globe: 80.00'] })
  })
  return app
}

/**
 * The invoices API: it accepts only tokens for its own audience, and the tokens of a login have another.
 *
 * @param {{ issuer: string }} options the issuer whose tokens it accepts
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
