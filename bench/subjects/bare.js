/** Express alone: the remaining cost without any check of the user. */
import express from 'express'
import { user } from '../user.js'
import { getAnswer } from './settings.js'

export function build() {
  const app = express()
  const known = { sub: user.sub, ...user.claims }
  app.get('/me', (_req, res) => {
    res.json(getAnswer(known))
  })
  return app
}
