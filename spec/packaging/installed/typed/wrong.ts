/** Code that must not compile in TypeScript projects; copied into them, never run. */
import express from 'express'
import { createOidc, type OidcOptions } from 'express-session-oidc'
import { RedisSessionStore, redisRecords, type OidcRedisClient } from 'express-session-oidc/redis'
import { startTestProvider } from 'express-session-oidc/testing'

declare const options: OidcOptions
declare const client: OidcRedisClient
const oidc = createOidc(options)

// @ts-expect-error: an unknown option
createOidc({ ...options, issuerBaseURL: 'https://id.example.com' })
// @ts-expect-error: required members are missing
createOidc({ clientId: 'web' })
// @ts-expect-error: not one of the methods
createOidc({ ...options, clientAuth: 'private_key_jwt' })
// @ts-expect-error: seconds are a number
createOidc({ ...options, maxLoginSeconds: '3600' })
// @ts-expect-error: an unknown condition
oidc.requireAuth({ role: 'admin' })
// @ts-expect-error: an unknown event
oidc.on('signin', () => {})
// @ts-expect-error: an event carries no token
oidc.on('login', ({ tokens }) => void tokens)
// @ts-expect-error: a URL is not a client
redisRecords({ client: 'redis://127.0.0.1' })
// @ts-expect-error: an unknown option
export const store = new RedisSessionStore({ client, ttl: 600 })
// @ts-expect-error: an unknown option
export const provider = startTestProvider({ user: 'alice' })

express().get('/', (req) => {
  // @ts-expect-error: no router may have run
  void req.oidc.user
  // @ts-expect-error: nobody may be logged in
  void oidc.context(req).user.sub
  // @ts-expect-error: no token may be verified
  void req.auth.sub
  // @ts-expect-error: a user is read-only
  oidc.user(req).sub = 'bob'
  if (!req.oidc?.isAuthenticated) return
  const subject: string = req.oidc.user.sub
  // @ts-expect-error: a claim may be missing
  const name: string = req.oidc.user.name
  console.log(subject, name)
})
