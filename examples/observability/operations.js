/** What whoever runs the application asks it. It has a port of its own, which the proxy in front does not lead to. */
import express from 'express'

/**
 * @param {object} parts
 * @param {import('express-session-oidc').Oidc} parts.oidc
 * @param {import('pino').Logger} parts.log
 * @param {import('express').RequestHandler} parts.metrics
 * @returns {import('express').Express}
 */
export function createOperations({ oidc, log, metrics }) {
  const app = express()
  // Whether this process is to be restarted: no fault of the provider or the store is healed by that.
  app.get('/healthz', (_req, res) => {
    res.json({ ok: true })
  })
  // Whether it is to be sent requests. The store is not asked: all processes share it, and they answer 503 by themselves.
  app.get('/readyz', (_req, res) => {
    const health = oidc.health()
    // The provider is discovered with the first login, which does not come before this is ready. How often it is asked is bounded.
    if (!health.ok) oidc.ready().catch(({ code, detail }) => log.warn({ code, detail }, 'not ready'))
    res.status(health.ok ? 200 : 503).json(health)
  })
  app.get('/metrics', metrics)
  return app
}
