/** Code that must compile in TypeScript projects; copied into them, never run. */
import express, { type NextFunction, type Request, type Response } from 'express'
import session from 'express-session'
import {
  createBearer,
  createOidc,
  keycloak,
  LoginRefused,
  OidcError,
  requireAnyAuth,
  type BearerAuth,
  type Oidc,
  type OidcContext,
  type OidcOptions,
  type OidcTokenSet,
  type OidcUser,
} from 'express-session-oidc'
import { RedisSessionStore, redisRecords } from 'express-session-oidc/redis'
import { createUserAgent, startTestProvider, type TestProvider, type UserAgent } from 'express-session-oidc/testing'
import { createClient } from 'redis'

interface Claims {
  tenant: string
}

declare module 'express-session-oidc' {
  interface OidcUserClaims {
    department?: string
  }
}

export const options = {
  provider: keycloak({ url: 'https://id.example.com', realm: 'acme', client: 'web' }),
  clientId: 'web',
  clientSecret: process.env['CLIENT_SECRET'],
  baseUrl: 'https://app.example.com',
  secret: [process.env['OIDC_SECRET'] ?? '', 'an older one'],
  afterLogin: (_req, { user, tokens }) => {
    if (!user.tenant) throw new LoginRefused('You have no tenant.')
    return tokens.scope.includes('calendar') ? '/calendar' : undefined
  },
} satisfies OidcOptions<Claims>

export function makeApp(): express.Express {
  const client = createClient({ disableOfflineQueue: true })
  const app = express()
  app.use(
    session({
      store: new RedisSessionStore({ client, idleSeconds: 3600 }),
      secret: 'a secret of the session',
      resave: false,
      saveUninitialized: false,
    }),
  )
  const oidc: Oidc<Claims> = createOidc({ ...options, records: redisRecords({ client }) })
  const api = createBearer({ issuer: 'https://id.example.com', audience: 'orders' })
  app.use(oidc.router)
  app.get('/tenant', oidc.requireAuth({ check: (user) => user.tenant !== '' }), (req, res, next) => {
    const user: OidcUser<Claims> = oidc.user(req)
    const tokens: Promise<OidcTokenSet> = req.oidc.tokens()
    tokens.then(({ expiresAt }) => res.json({ tenant: user.tenant, until: expiresAt }), next)
  })
  app.get('/either', requireAnyAuth([oidc], { anyRole: ['admin'], redirect: false }), (req, res) => {
    res.send(getName(req))
  })
  app.get('/department', requireAnyAuth([oidc]), ({ oidc: { user } }, res) => {
    const department: string | undefined = user.department
    res.send(department ?? user.name)
  })
  app.get('/orders', api.requireBearer<Claims>(), named, (req, res) => {
    const { sub, claims }: BearerAuth<Claims> = req.auth
    res.json({ sub, tenant: claims.tenant, ip: req.ip })
  })
  app.use('/reports', oidc.requireAuth(), (req, res) => {
    const { user } = oidc.context(req)
    res.json({ tenant: user?.tenant, sub: api.auth(req).sub })
  })
  app.post('/leave', oidc.logout({ returnTo: '/' }))
  app.use(oidc.errorHandler())
  oidc.on('denied', ({ code, status }) => console.log(code, status))
  return app
}

function named(req: Request, _res: Response, next: NextFunction): void {
  console.log(getName(req), req.auth?.sub)
  next()
}

function getName(req: Request): string {
  const context: OidcContext | undefined = req.oidc
  return context?.isAuthenticated ? (context.user.name ?? context.user.sub) : 'nobody'
}

export function getCode(error: unknown): string | undefined {
  return error instanceof OidcError ? error.code : undefined
}

export async function inSpecs(): Promise<string> {
  const provider: TestProvider = await startTestProvider({ signIn: 'alice' })
  const oidc = createOidc({ ...provider.settings(), baseUrl: 'http://127.0.0.1:3000' })
  const browser: UserAgent = createUserAgent({ baseUrl: 'http://127.0.0.1:3000' })
  const page = await browser.get(oidc.paths.login)
  return page.text()
}
