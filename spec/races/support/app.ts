/** An application that logs in with two instances, runs in as many processes as a race needs, and is used by browsers. */
import express, { type Express, type Request } from 'express'
import session from 'express-session'
import { createOidc, type Oidc, type OidcOptions, type OidcProviderMetadata } from 'express-session-oidc'
import { RedisSessionStore, type OidcRedisClient } from 'express-session-oidc/redis'
import { CookieJar } from 'express-session-oidc/testing'
import { secret } from '../../support/app.ts'
import { ask, type RaceAnswer } from './http.ts'
import { readSubject } from './subject.ts'
import type { Who } from '../../support/two-instances.ts'

declare module 'express-session' {
  interface SessionData {
    /** Written in the same request as the cart, by a second write. */
    seenAgain?: true
  }
}

/** The origin of applications that run as processes. */
export const origin = 'http://127.0.0.1:3000'
/** The origin of applications in this process. Over https, browsers hold sessions that nobody can plant. */
export const secureOrigin = 'https://127.0.0.1:3000'
/** Name of the session cookie of applications in this process. */
export const sessionCookie = '__Host-sid'
export const idleSeconds = 600
export const maxLoginSeconds = 1500

/** The names of the instances. */
export type Name = 'default' | 'partner'
export const names: readonly Name[] = ['default', 'partner']

/** An event that an instance emitted. */
export interface Told {
  readonly event: 'login' | 'logout'
  readonly instance: Name
  readonly loginId: string
}

export interface RaceApp {
  readonly express: Express
  readonly reported: Told[]
  /** Starts the application again with another client, like a new process without any earlier state. */
  restart(client: OidcRedisClient): void
  /** Finishes what a first request would otherwise wait for. */
  ready(): Promise<void>
}

/** The provider settings of each instance. */
export interface Providers {
  settings(
    name: Name,
  ): Pick<OidcOptions, 'clientId' | 'clientSecret' | 'fetch'> & { issuer: string | OidcProviderMetadata }
}

/** Makes a request wait in its handler until it may continue. */
export type Waits = (name: string) => Promise<void>

/** An application without a Redis, which it gets with its first start. */
export function raceApp(
  providers: Providers,
  waits: Waits = async () => {},
  options: Partial<OidcOptions> = {},
): RaceApp {
  const reported: Told[] = []
  const make = (name: Name): Oidc => {
    const own = name === 'default' ? {} : { name }
    const common = { baseUrl: secureOrigin, secret, maxLoginSeconds, ...options }
    const oidc = createOidc({ ...providers.settings(name), ...own, ...common })
    for (const event of ['login', 'logout'] as const) {
      oidc.on(event, ({ loginId }) => reported.push({ event, instance: name, loginId }))
    }
    return oidc
  }
  let app = express()
  let instances: readonly Oidc[] = []
  return {
    reported,
    get express() {
      return app
    },
    restart(client) {
      reported.length = 0
      const of = { default: make('default'), partner: make('partner') }
      instances = Object.values(of)
      app = startedApp(of, new RedisSessionStore({ client, idleSeconds, timeoutSeconds: 60 }), waits)
    },
    ready: async () => void (await Promise.all(instances.map((oidc) => oidc.ready()))),
  }
}

function startedApp(of: Readonly<Record<Name, Oidc>>, store: RedisSessionStore, waits: Waits): Express {
  const { default: oidc, partner } = of
  const app = express()
  // Processes get plain requests, as behind a proxy that terminates TLS.
  app.set('trust proxy', 1)
  const cookie = { sameSite: 'lax', secure: true, path: '/' } as const
  app.use(session({ name: sessionCookie, secret, store, resave: false, saveUninitialized: false, cookie }))
  app.use(oidc.router, partner.router)

  const who = (req: Request): Who => ({
    default: oidc.context(req).user?.sub ?? null,
    partner: partner.context(req).user?.sub ?? null,
    cart: req.session.cart ?? null,
  })
  app.get('/who', (req, res) => void res.json(who(req)))
  // The guard, then the tokens of the user whom it admitted.
  for (const name of names) {
    app.get(`/guarded/${name}`, of[name].requireAuth(), (req, res, next) => {
      const { user } = of[name].context(req)
      of[name]
        .context(req)
        .tokens()
        .then(({ idToken }) => readSubject(idToken), tokensGone)
        .then((owner) => res.json({ sub: user?.sub, owner }))
        .catch(next)
    })
  }
  // The subject of the access token, which the provider writes in front of it.
  for (const name of names) {
    app.get(`/token/${name}`, (req, res, next) => {
      of[name]
        .context(req)
        .accessToken()
        .then((token) => res.json({ sub: token.split(':')[0] }), next)
    })
  }
  // A cart that names its user.
  app.get('/own', (req, res) => {
    const { default: sub, cart } = who(req)
    if (sub !== null) req.session.cart ??= `of ${sub}`
    res.json({ sub, cart })
  })
  app.get('/as/:name/:sub', (req, res, next) => {
    const { name, sub } = req.params
    of[name as Name].login({ loginHint: sub, prompt: 'login', returnTo: '/who' })(req, res, next)
  })
  app.get('/put/:what', (req, res) => {
    req.session.cart = req.params.what
    res.send('put')
  })
  app.get('/save/:what', (req, res, next) => {
    req.session.cart = req.params.what
    req.session.save((error) => {
      if (error) return next(error)
      req.session.seenAgain = true
      res.send('saved')
    })
  })
  app.get('/slow/:gate/:what', (req, res, next) => {
    waits(req.params.gate).then(() => {
      req.session.cart = req.params.what
      res.send('put')
    }, next)
  })
  app.get('/slow-logout/:gate', (req, _res, next) => {
    const context = oidc.context(req)
    waits(req.params.gate).then(() => context.logout(), next)
  })
  app.get('/regenerate/:what', (req, res, next) => {
    req.session.regenerate((error) => {
      if (error) return next(error)
      req.session.cart = req.params.what
      res.send('regenerated')
    })
  })
  app.get('/destroy', (req, res, next) => {
    req.session.destroy((error) => (error ? next(error) : res.send('destroyed')))
  })
  app.use(oidc.errorHandler())
  return app
}

/** A logout may come between the guard and the tokens. Any other error is a fault of the store. */
function tokensGone(error: { code?: string }): null {
  if (error.code === 'login_required') return null
  throw error
}

const navigation = {
  accept: 'text/html',
  'sec-fetch-site': 'none',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
}

/** The id in the value of a session cookie. */
export function getId(value: string): string {
  return /^s:(.+)\.[^.]+$/.exec(decodeURIComponent(value))?.[1] ?? ''
}

/** A browser: its cookies, and requests to any process. */
export class RaceBrowser {
  readonly jar: CookieJar = new CookieJar(() => Date.now())
  /** Every session cookie that it ever received, by the session's id: what a thief may have. */
  readonly seen = new Map<string, string>()

  /** The id of the session that its cookie names; undefined without a cookie. */
  get session(): string | undefined {
    const value = this.jar.get(sessionCookie)?.value
    return value === undefined ? undefined : getId(value)
  }

  /** Opens a page with its current cookies, or with the given ones. */
  async go(app: RaceApp, path: string, cookie = this.jar.header(secureOrigin)): Promise<RaceAnswer> {
    const answer = await ask(app.express, path, getHeaders(navigation, cookie))
    this.take(answer)
    return answer
  }

  /** Stores the cookies of a response. */
  take(answer: RaceAnswer): void {
    for (const line of answer.setCookie) this.jar.set(line, secureOrigin)
    const value = getSessionCookie(answer)
    if (value !== undefined) this.seen.set(getId(value), value)
  }

  /** A copy of this browser in its current state. */
  copy(): RaceBrowser {
    const copy = new RaceBrowser()
    for (const { name, value } of this.jar.cookies())
      copy.jar.set(`${name}=${value}; Path=/; HttpOnly; Secure`, secureOrigin)
    for (const [id, value] of this.seen) copy.seen.set(id, value)
    return copy
  }
}

/** The session cookie that a response sets. */
export function getSessionCookie(answer: RaceAnswer): string | undefined {
  const line = answer.setCookie.find((each) => each.startsWith(`${sessionCookie}=`))
  return line === undefined ? undefined : /=([^;]*)/.exec(line)?.[1]
}

/** Delivers a back-channel logout from the provider's server. */
export function tellLogout(app: RaceApp, name: Name, token: string): Promise<RaceAnswer> {
  const path = `${name === 'default' ? '' : `/${name}`}/backchannel-logout`
  return ask(app.express, path, getHeaders({ accept: '*/*' }, undefined), new URLSearchParams({ logout_token: token }))
}

/** What a client sees that has nothing but a session cookie. */
export async function seenBy(app: RaceApp, value: string): Promise<Who> {
  const answer = await ask(app.express, '/who', getHeaders({ accept: '*/*' }, `${sessionCookie}=${value}`))
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text()}`)
  return answer.json() as Who
}

function getHeaders(headers: Record<string, string>, cookie: string | undefined): Record<string, string> {
  return { host: new URL(secureOrigin).host, ...headers, ...(cookie === undefined ? {} : { cookie }) }
}
