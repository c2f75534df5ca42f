/** Express alone: the remaining cost without any check of the token. */
import express from 'express'

export function build() {
  const app = express()
  app.get('/orders', (_req, res) => {
    res.json({ sub: 'alice' })
  })
  return app
}
