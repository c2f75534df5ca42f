/** The type of a request behind guards. Checked by the compiler (`npm run check:types`), never run. */
import express, { type Express, type NextFunction, type Request, type RequestHandler, type Response } from 'express'
import {
  requireAnyAuth,
  type Bearer,
  type BearerAuth,
  type OidcLoginContext,
  type Oidc,
  type OidcContext,
} from 'express-session-oidc'
import { holds, type Equal } from './helpers.ts'

interface Claims {
  tenant: string
}

declare const app: Express
declare const api: Bearer
declare const oidc: Oidc<Claims>
declare const other: Oidc
declare const odd: Oidc<{ updated_at: string }>
declare const plain: RequestHandler
declare function named(req: Request, res: Response, next: NextFunction): void

// A guard tells the later handlers of its route what it has set.
app.get('/', oidc.requireAuth(), (req) => holds<Equal<typeof req.oidc, OidcLoginContext>>())
// The claims of one instance are known to that instance: `oidc.user(req)`.
app.get('/', oidc.requireAuth({ roles: 'admin' }), (req, res) => void res.json(req.oidc.user.sub))
app.get('/', oidc.requireAuth(), (req, _res, next) => void req.oidc.accessToken().catch(next))
app.get('/', oidc.trySilentLogin(), (req) => holds<Equal<typeof req.oidc, OidcContext>>())
app.get('/', requireAnyAuth([oidc, other]), (req) => holds<Equal<typeof req.oidc, OidcLoginContext>>())
app.get('/', api.requireBearer(), (req) => holds<Equal<typeof req.auth, BearerAuth>>())
app.get('/', oidc.requireBearer<Claims>({ scope: 'a' }), (req) => holds<Equal<typeof req.auth, BearerAuth<Claims>>>())
app.get('/', api.requireBearer<Claims>({ optional: true }), (req) => {
  holds<Equal<typeof req.auth, BearerAuth<Claims> | undefined>>()
})
app.get('/', oidc.requireAuth({ bearer: true }), (req) => {
  holds<Equal<typeof req.oidc, OidcContext | undefined>>()
  holds<Equal<typeof req.auth, BearerAuth | undefined>>()
})

// Other handlers, arrays and routers do not hide it.
app.post('/:id', express.json(), plain, oidc.requireAuth(), plain, named, (req, res) => {
  holds<Equal<typeof req.oidc, OidcLoginContext>>()
  res.locals['body'] = req.body as unknown
})
express.Router().get('/', oidc.requireAuth(), (req) => holds<Equal<typeof req.oidc, OidcLoginContext>>())
app.get('/', plain, api.requireBearer<Claims>(), named, plain, ({ auth }) => {
  holds<Equal<typeof auth, BearerAuth<Claims>>>()
})
// Handlers for any request follow guards whose claims differ from the standard claims.
app.get('/', odd.requireAuth(), named).get('/', api.requireBearer<{ sub: number }>(), named)
// The first guard counts, unless a later one says more.
app.get('/', oidc.trySilentLogin(), oidc.requireAuth(), (req) => {
  holds<Equal<typeof req.oidc, OidcLoginContext>>()
})
app.get('/', oidc.requireAuth(), other.requireAuth(), (req) => void req.oidc.user.sub)
app.get('/', oidc.requireAuth(), api.requireBearer(), (req) => {
  holds<[Equal<typeof req.oidc, OidcLoginContext>, Equal<typeof req.auth, BearerAuth | undefined>]>()
})
app.use('/', [oidc.requireAuth(), api.requireBearer()], express.Router())
app.use(oidc.requireAuth(), named)
export const handlers: RequestHandler[] = [oidc.requireAuth(), api.requireBearer(), named]
app.get('/', ...handlers)

// Without a guard that the types know, both may be absent.
app.get('/', (req) => {
  holds<[Equal<typeof req.oidc, OidcContext | undefined>, Equal<typeof req.auth, BearerAuth | undefined>]>()
  // @ts-expect-error: the router may not have run
  void req.oidc.user
  // @ts-expect-error: no guard has verified a token
  void req.auth.sub
})
app.get('/', oidc.requireAuth(), (req) => {
  // @ts-expect-error: this guard verifies no token
  void req.auth.sub
})
app.get('/', api.requireBearer(), (req) => {
  // @ts-expect-error: this guard requires no login
  void req.oidc.user
})
app.get('/', api.requireBearer({ optional: true }), (req) => {
  // @ts-expect-error: the token is optional
  void req.auth.sub
})
app.get('/', oidc.requireAuth(), (req: Request) => {
  // @ts-expect-error: the annotation hides the guard
  void req.oidc.user
  const context = oidc.context(req)
  holds<Equal<typeof context, OidcContext<Claims>>>()
})
// `context()` and `auth()` work everywhere. They throw an error if the request has no context or token.
express
  .Router()
  .use(oidc.requireAuth(), api.requireBearer())
  .route('/')
  .get(oidc.requireAuth(), (req) => {
    // @ts-expect-error: the types of Express pass nothing on here
    void req.oidc.user
    const context = oidc.context(req)
    holds<Equal<typeof context, OidcContext<Claims>>>()
    const auth = api.auth<Claims>(req)
    holds<Equal<typeof auth, BearerAuth<Claims>>>()
  })
