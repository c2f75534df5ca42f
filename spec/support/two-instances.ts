import type { Express } from 'express'
import { createOidc, type Oidc, type OidcOptions } from 'express-session-oidc'
import { startTestProvider, type TestProvider, type UserAgent } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { secret, type TestApp } from './app.ts'

declare module 'express-session' {
  interface SessionData {
    cart?: string
  }
}

/** The user of each of two instances, and the application's data in the session. */
export interface Who {
  default: string | null
  partner: string | null
  cart: string | null
}

/** A second provider for a file, whose user is bob, and routes of an application that logs in with both. */
export function partnerOfFile(): {
  provider: () => TestProvider
  routes: (app: Express, oidc: Oidc, url: string, options?: Partial<OidcOptions>) => Oidc
} {
  let provider: TestProvider | undefined
  beforeAll(async () => {
    // A different host, because two providers on one host would share their cookies.
    provider = await startTestProvider({ hostname: 'localhost' })
  })
  beforeEach(() => {
    provider?.signIn('bob')
    provider?.forget()
  })
  afterEach(() => provider?.behave())
  afterAll(() => provider?.stop())
  return {
    provider: () => provider as TestProvider,
    routes(app, oidc, url, options = {}) {
      const partner = createOidc({
        log: false,
        ...(provider as TestProvider).settings(),
        name: 'partner',
        baseUrl: url,
        secret,
        ...options,
      })
      app.use(partner.router)
      app.get('/partner-profile', partner.requireAuth(), (req, res) => void res.json(partner.user(req)))
      app.get('/who', (req, res) => {
        const who: Who = {
          default: oidc.context(req).user?.sub ?? null,
          partner: partner.context(req).user?.sub ?? null,
          cart: req.session.cart ?? null,
        }
        res.json(who)
      })
      app.get('/cart/:what', (req, res) => {
        req.session.cart = req.params.what
        res.send('put')
      })
      return partner
    },
  }
}

export async function whoIs(agent: UserAgent, app: TestApp): Promise<Who> {
  const page = await agent.fetch(`${app.url}/who`)
  if (page.status !== 200) throw new Error(`${page.status} ${page.text()}`)
  return page.json() as unknown as Who
}
