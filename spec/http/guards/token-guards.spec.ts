/** `auth()` of `createBearer()`, for handlers whose types do not know the guard. */
import { createServer, type Server } from 'node:http'
import express, { type ErrorRequestHandler } from 'express'
import { createBearer, type OidcError } from 'express-session-oidc'
import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { close, listen } from '../../support/app.ts'

let provider: TestProvider
let server: Server
let url: string

const showError: ErrorRequestHandler = (error: OidcError, _req, res, _next) => {
  res.status(error.status).json({ code: error.code, message: error.message })
}

beforeAll(async () => {
  provider = await startTestProvider({ audience: 'orders', algorithm: 'ES256' })
  const api = createBearer({ issuer: provider.issuer, audience: 'orders' })
  const app = express()
  const show: express.RequestHandler = (req, res) => {
    const auth = api.auth<{ tenant: string }>(req)
    res.json({ sub: auth.sub, tenant: auth.claims.tenant, isSame: auth === req.auth })
  }
  app.use('/guarded', express.Router().use(api.requireBearer()).get('/', show))
  app.get('/optional', api.requireBearer({ optional: true }), show)
  app.get('/unguarded', show)
  app.use(showError)
  server = createServer(app)
  url = await listen(server)
})
afterAll(async () => {
  await close(server)
  await provider.stop()
})

describe('auth() of a guard', () => {
  it.each(['/guarded', '/optional'])('returns the access token that %s has verified', async (path) => {
    const now = Math.floor(Date.now() / 1000)
    const claims = { iss: provider.issuer, aud: 'orders', sub: 'alice', scope: 'a', tenant: 'acme', exp: now + 60 }
    const authorization = `Bearer ${await provider.sign(claims)}`
    const answer = await fetch(url + path, { headers: { authorization } })
    expect(await answer.json()).toEqual({ sub: 'alice', tenant: 'acme', isSame: true })
  })

  it.each(['/optional', '/unguarded'])('throws setup_invalid with the fix if %s has verified none', async (path) => {
    const answer = await fetch(url + path)
    expect(answer.status).toBe(500)
    expect(await answer.json()).toEqual({
      code: 'setup_invalid',
      message: expect.stringContaining('put `requireBearer()` before the handler') as string,
    })
  })
})
