/** Two APIs of other teams. Each accepts access tokens for its own audience, and has no sessions. */
import express from 'express'
import { createBearer } from 'express-session-oidc'

/**
 * Creates the orders API: reading orders requires a token, reading prices also requires the scope `prices.read`.
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
 * Creates the invoices API: it accepts only tokens for its own audience, which the tokens of a login do not have.
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
