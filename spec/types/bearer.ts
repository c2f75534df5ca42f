/** What guards of tokens take, refuse and give: held by the compiler (`npm run check:types`), never run. */
import type { IncomingMessage } from 'node:http'
import express, { type Request, type RequestHandler } from 'express'
import {
  BearerError,
  createBearer,
  keycloak,
  type AuthRule,
  type Authorized,
  type Bearer,
  type BearerAuth,
  type BearerErrorName,
  type BearerIssuer,
  type BearerOptions,
  type BearerRule,
  type BearerSettings,
  type NotAuthorized,
  type Oidc,
  type OidcErrorCode,
  type TokenRule,
  type UnknownClaims,
  type User,
} from 'express-session-oidc'
import { holds, type AnyIn, type Equal } from './helpers.ts'

interface Claims {
  tenant: string
}

declare const api: Bearer
declare const oidc: Oidc<Claims>
declare const req: Request

// What must be there, and what may be there and undefined, as a variable of the environment may.
type OptionalIn<T> = { [Key in keyof T]-?: object extends Pick<T, Key> ? Key : never }[keyof T]
type RequiredIn<T> = Exclude<keyof T, OptionalIn<T>>
type MayBeUndefined<T> = Record<OptionalIn<T>, undefined> extends Pick<T, OptionalIn<T>> ? true : false
holds<
  [
    Equal<RequiredIn<BearerOptions>, 'issuer'>,
    Equal<RequiredIn<BearerIssuer>, 'issuer'>,
    Equal<RequiredIn<BearerSettings>, never>,
    Equal<RequiredIn<BearerRule>, never>,
    MayBeUndefined<BearerOptions>,
    MayBeUndefined<BearerIssuer>,
    MayBeUndefined<BearerSettings>,
    MayBeUndefined<BearerRule>,
    MayBeUndefined<TokenRule>,
  ]
>()

const audience: readonly string[] = ['orders', 'billing']
createBearer({ issuer: 'https://id.example.com', audience: process.env['AUDIENCE'] })
createBearer({ issuer: new URL('https://id.example.com'), audience })
createBearer({ ...keycloak({ url: 'https://id.example.com', realm: 'acme' }), audience: 'orders' })
createBearer({
  issuer: [
    'https://a.example.com',
    new URL('https://b.example.com'),
    { issuer: 'https://c.example.com', audience, algorithms: ['ES256'], keys: new URL('https://c.example.com/jwks') },
    { issuer: 'https://d.example.com', audience: 'd', keys: { keys: [{ kty: 'OKP' }] }, roles: () => ['d'] },
  ] as const,
  audience: 'orders',
  roles: ({ accessToken }) => (Array.isArray(accessToken?.['groups']) ? accessToken['groups'].map(String) : []),
  onError: (error, _req, res, next) => {
    if (error instanceof BearerError) res.status(error.status).set(error.headers).end()
    else next(error)
  },
})

export const wrong: Partial<BearerOptions>[] = [
  // @ts-expect-error: an issuer is a text, a URL, an entry or a list of such
  { issuer: 443 },
  // @ts-expect-error: an audience is a text or a list of such
  { audience: /orders/ },
  // @ts-expect-error: algorithms are a list
  { algorithms: 'RS256' },
  // @ts-expect-error: seconds are a number
  { rememberSeconds: '60' },
  // @ts-expect-error: an address is a text or a URL
  { baseUrl: { host: 'api.example.com' } },
  // @ts-expect-error: roles are found at once
  { roles: async () => ['admin'] },
  // @ts-expect-error: an answer is a function
  { onError: 503 },
  // @ts-expect-error: seconds are a number
  { clockToleranceSeconds: null },
  // @ts-expect-error: a text alone does not say whether it is a URL or a key
  { issuer: { issuer: 'https://id.example.com', keys: 'https://id.example.com/jwks' } },
  // @ts-expect-error: one key is no set
  { issuer: { issuer: 'https://id.example.com', keys: { kty: 'OKP' } } },
  // @ts-expect-error: an entry names its issuer
  { issuer: { audience: 'orders' } },
  // @ts-expect-error: a client is for logins
  { clientId: 'web' },
]
// @ts-expect-error: an issuer must be given
createBearer({ audience: 'orders' })
// @ts-expect-error: options, not an issuer
createBearer('https://id.example.com')
export const settings: BearerSettings[] = [
  { audience: 'orders', algorithms: ['RS256'], rememberSeconds: 0 },
  // @ts-expect-error: the issuer of a login is that of its tokens
  { issuer: 'https://id.example.com' },
]

export const rules: BearerRule<Claims>[] = [
  {},
  {
    scope: 'a b',
    anyScope: audience,
    roles: 'admin',
    anyRole: audience,
    audience,
    acr: 'gold',
    maxAuthAgeSeconds: 300,
  },
  { acr: audience, claims: { tenant: 'acme', level: 3, active: true }, optional: true },
  { check: (claims, { params }) => claims.tenant === params['tenant'] && claims['other'] !== undefined },
  { check: async ({ tenant }) => tenant === 'acme' },
]
export const wrongRules: BearerRule<Claims>[] = [
  // @ts-expect-error: scope is a text or a list of such
  { scope: /orders/ },
  // @ts-expect-error: any of one is a list of one
  { anyRole: 'admin' },
  // @ts-expect-error: an audience is a text or a list of such
  { audience: 7 },
  // @ts-expect-error: classes are texts
  { acr: [1] },
  // @ts-expect-error: seconds are a number
  { maxAuthAgeSeconds: '300' },
  // @ts-expect-error: yes or no
  { optional: 'yes' },
  // @ts-expect-error: a check says something
  { check: () => {} },
  // @ts-expect-error: a check says true or false, in the end too
  { check: async (claims) => claims.tenant },
  // @ts-expect-error: a token is never redirected
  { redirect: false },
  // @ts-expect-error: an unknown condition
  { permissions: ['a'] },
]
// @ts-expect-error: without a request there is nothing to check it with
export const tokenRule: TokenRule = { check: () => true }
// @ts-expect-error: a token that is verified is not optional
export const tokenRule2: TokenRule = { optional: true }

// A guard is a handler of Express, and its check is typed by the claims that it is given.
holds<[Equal<ReturnType<typeof api.requireBearer>, RequestHandler>, Equal<typeof api.router, RequestHandler>]>()
express()
  .use(api.router)
  .get('/a', api.requireBearer({ scope: 'a' }), (request, res) => void res.json(request.auth.sub))
  .use('/b', [api.requireBearer(), oidc.requireBearer({ audience: 'b' })], express.Router())
api.requireBearer<Claims>({
  check(claims, request) {
    holds<[Equal<typeof claims, UnknownClaims & Claims>, Equal<typeof request, Request>]>()
    holds<[Equal<typeof claims.tenant, string>, Equal<(typeof claims)['anything'], unknown>]>()
    return true
  },
})
oidc.requireBearer({
  // The claims of a login's user are not those of a token.
  check: (claims) => {
    holds<Equal<(typeof claims)['tenant'], unknown>>()
    return true
  },
})
// @ts-expect-error: a rule, not a scope
api.requireBearer('orders:read')

// What a request carries cannot be written to, and claims that are not named are unknown.
holds<
  [
    Equal<Request['auth'], BearerAuth>,
    Equal<BearerAuth['claims']['anything'], unknown>,
    Equal<BearerAuth['sub'], string | undefined>,
    Equal<BearerAuth['scope'], readonly string[]>,
    Equal<BearerAuth['roles'], readonly string[]>,
    Equal<BearerAuth['issuer'], string>,
    Equal<BearerAuth['token'], string>,
  ]
>()
// @ts-expect-error: it may name nobody
export const sub: string = req.auth.sub
// @ts-expect-error: a claim is what the provider made it
export const level: number = req.auth.claims['level']
// @ts-expect-error: not to be changed
req.auth.sub = 'bob'
// @ts-expect-error: nor added to
req.auth.roles.push('admin')

// Verified by hand, in the type that is asked for.
const verified = api.verifyToken<Claims>('token', { scope: 'a' })
holds<Equal<typeof verified, Promise<BearerAuth<Claims>>>>()
void verified.then(({ claims }) => holds<Equal<typeof claims.tenant, string>>())
const plain = oidc.verifyToken('token')
holds<Equal<typeof plain, Promise<BearerAuth>>>()
// @ts-expect-error: a token is a text
void api.verifyToken(undefined)

// As a function: what is there depends on ok.
void api.authorize<Claims>(req, { check: ({ tenant }) => tenant === 'acme', optional: true }).then((outcome) => {
  if (outcome.ok) holds<Equal<typeof outcome.auth, BearerAuth | undefined>>()
  else holds<Equal<typeof outcome, NotAuthorized>>()
  // @ts-expect-error: nobody may be in it before ok is looked at
  void outcome.auth
})
void oidc.authorize(req, { bearer: true, check: ({ tenant }) => tenant === 'acme' }).then((outcome) => {
  holds<Equal<typeof outcome, Authorized<Claims> | NotAuthorized>>()
  if (outcome.ok)
    holds<[Equal<typeof outcome.user, User<Claims> | undefined>, Equal<typeof outcome.auth, BearerAuth | undefined>]>()
  else {
    const { status, code, headers } = outcome
    holds<[Equal<typeof status, number>, Equal<typeof code, OidcErrorCode>]>()
    holds<Equal<typeof headers, Readonly<Record<string, string>>>>()
  }
})
holds<Equal<Authorized['user'], User | undefined>>()

// On a route for both.
export const both: AuthRule<Claims>[] = [{ bearer: true }, { bearer: { audience: 'a' } }, { bearer: { audience } }]
export const wrongBoth: AuthRule<Claims>[] = [
  // @ts-expect-error: left out, where tokens are not to be looked at
  { bearer: false },
  // @ts-expect-error: an audience is named
  { bearer: {} },
  // @ts-expect-error: it would open the route
  { bearer: { audience: 'a', optional: true } },
  // @ts-expect-error: an audience in its place
  { bearer: 'orders' },
]

declare const error: unknown
if (error instanceof BearerError) {
  const { error: name, needed, sub: whose, status } = error
  holds<[Equal<typeof name, BearerErrorName | undefined>, Equal<typeof needed, Readonly<Record<string, string>>>]>()
  holds<[Equal<typeof whose, string | undefined>, Equal<typeof status, number>]>()
}
api.on('token_rejected', (event) => {
  holds<[Equal<typeof event.code, string>, Equal<typeof event.detail, string | undefined>]>()
  // @ts-expect-error: an event carries no token
  void event.token
})
// @ts-expect-error: no such event
api.on('rejected', () => {})

// No `any` in any of it; Express's own types have some, and others belong to Node.
type Others =
  | Request
  | IncomingMessage
  | express.Response
  | express.NextFunction
  | RequestHandler
  | typeof fetch
  | URL
  | Error
  | Uint8Array
holds<
  [
    Equal<AnyIn<typeof createBearer, Others>, never>,
    Equal<AnyIn<Bearer, Others>, never>,
    Equal<AnyIn<BearerOptions, Others>, never>,
    Equal<AnyIn<BearerIssuer, Others>, never>,
    Equal<AnyIn<BearerRule, Others>, never>,
    Equal<AnyIn<BearerAuth, Others>, never>,
    Equal<AnyIn<Authorized, Others>, never>,
    Equal<AnyIn<NotAuthorized, Others>, never>,
    Equal<AnyIn<ConstructorParameters<typeof BearerError>, Others>, never>,
  ]
>()
