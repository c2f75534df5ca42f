/** Endpoints for operators, on a separate port that the reverse proxy does not forward to. */
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
  // Liveness: whether the process must be restarted. A restart repairs no fault of the provider or the store.
  app.get('/healthz', (_req, res) => {
    res.json({ ok: true })
  })
  // Readiness: whether the process can receive requests. The store does not count: all processes share it and answer 503.
  app.get('/readyz', (_req, res) => {
    const health = oidc.health()
    // The first login would discover the provider, but no login arrives before this is ready. Attempts are rate-limited.
    if (!health.ok) oidc.ready().catch(({ code, detail }) => log.warn({ code, detail }, 'not ready'))
    res.status(health.ok ? 200 : 503).json(health)
  })
  app.get('/metrics', metrics)
  return app
}
