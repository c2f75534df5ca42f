/** What token guards accept, reject and return. Checked by the compiler (`npm run check:types`), never run. */
import type { IncomingMessage } from 'node:http'
import express, { type Request, type RequestHandler } from 'express'
import {
  BearerError,
  createBearer,
  keycloak,
  type OidcAuthRule,
  type OidcAuthorized,
  type Bearer,
  type BearerAuth,
  type BearerErrorName,
  type BearerApiOptions,
  type BearerIssuer,
  type BearerIssuerOptions,
  type BearerOptions,
  type BearerRule,
  type BearerTokenOptions,
  type OidcNotAuthorized,
  type Oidc,
  type OidcErrorCode,
  type OidcGuard,
  type BearerTokenRule,
  type OidcUnknownClaims,
  type OidcUser,
} from 'express-session-oidc'
import { holds, type AnyIn, type Equal } from './helpers.ts'

interface Claims {
  tenant: string
}

declare const api: Bearer
declare const oidc: Oidc<Claims>
declare const req: Request

// Required members, and optional members that may be undefined, as an environment variable may be.
type OptionalIn<T> = { [Key in keyof T]-?: object extends Pick<T, Key> ? Key : never }[keyof T]
type RequiredIn<T> = Exclude<keyof T, OptionalIn<T>>
type UndefinedIn<T> = { [Key in keyof T]-?: Record<Key, undefined> extends Pick<T, Key> ? Key : never }[keyof T]
type MayBeUndefined<T> = Record<OptionalIn<T>, undefined> extends Pick<T, OptionalIn<T>> ? true : false
holds<
  [
    Equal<RequiredIn<BearerApiOptions>, never>,
    Equal<RequiredIn<BearerIssuerOptions>, never>,
    Equal<RequiredIn<BearerTokenOptions>, never>,
    Equal<RequiredIn<BearerRule>, never>,
    MayBeUndefined<BearerApiOptions>,
    MayBeUndefined<BearerIssuerOptions>,
    MayBeUndefined<BearerTokenOptions>,
    // A requirement is never undefined, so that an unset variable opens no route.
    Equal<UndefinedIn<BearerRule>, 'optional'>,
    Equal<UndefinedIn<BearerTokenRule>, never>,
  ]
>()

const audience: readonly string[] = ['orders', 'billing']
createBearer({ issuer: 'https://id.example.com', audience: process.env['AUDIENCE'] })
createBearer({ issuer: new URL('https://id.example.com'), audience })
createBearer({ provider: keycloak({ url: 'https://id.example.com', realm: 'acme' }), audience: 'orders' })
createBearer({
  issuer: [
    'https://a.example.com',
    new URL('https://b.example.com'),
    { issuer: 'https://c.example.com', audience, algorithms: ['ES256'], keys: new URL('https://c.example.com/jwks') },
    keycloak({ url: 'https://e.example.com', realm: 'acme' }),
    { provider: keycloak({ url: 'https://f.example.com', realm: 'acme' }), audience: 'f' },
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
  // @ts-expect-error: an issuer is a string, a URL, an entry or an array of these
  { issuer: 443 },
  // @ts-expect-error: an audience is a string or an array of strings
  { audience: /orders/ },
  // @ts-expect-error: algorithms are an array
  { algorithms: 'RS256' },
  // @ts-expect-error: seconds are a number
  { cacheSeconds: '60' },
  // @ts-expect-error: a base URL is a string or a URL
  { baseUrl: { host: 'api.example.com' } },
  // @ts-expect-error: roles must be returned synchronously
  { roles: async () => ['admin'] },
  // @ts-expect-error: an error handler is a function
  { onError: 503 },
  // @ts-expect-error: seconds are a number
  { clockToleranceSeconds: null },
  // @ts-expect-error: a string could be a URL or a key
  { issuer: { issuer: 'https://id.example.com', keys: 'https://id.example.com/jwks' } },
  // @ts-expect-error: a single key is not a key set
  { issuer: { issuer: 'https://id.example.com', keys: { kty: 'OKP' } } },
  // @ts-expect-error: an entry must name its issuer
  { issuer: { audience: 'orders' } },
  // @ts-expect-error: a rule is part of a provider
  { issuer: { issuer: 'https://id.example.com', accept: () => true } },
  // @ts-expect-error: a client id is only for logins
  { clientId: 'web' },
]
// @ts-expect-error: `provider` or `issuer` is missing
createBearer({ audience: 'orders' })
const { ...copy } = keycloak({ url: 'https://id.example.com', realm: 'acme' })
// @ts-expect-error: a spread provider has no issuer
createBearer({ ...copy, audience: 'orders' })
// @ts-expect-error: the argument is an object of options, not an issuer
createBearer('https://id.example.com')
export const settings: BearerTokenOptions[] = [
  { audience: 'orders', algorithms: ['RS256'], cacheSeconds: 0 },
  // @ts-expect-error: the issuer is that of the login
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
  // @ts-expect-error: a scope is a string or an array of strings
  { scope: /orders/ },
  { anyRole: 'admin' },
  // @ts-expect-error: an audience is a string or an array of strings
  { audience: 7 },
  // @ts-expect-error: classes are strings
  { acr: [1] },
  // @ts-expect-error: seconds are a number
  { maxAuthAgeSeconds: '300' },
  // @ts-expect-error: the value must be a boolean
  { optional: 'yes' },
  // @ts-expect-error: a check must return a boolean
  { check: () => {} },
  // @ts-expect-error: the promise of a check must resolve to a boolean
  { check: async (claims) => claims.tenant },
  // @ts-expect-error: a request with a token is never redirected
  { redirect: false },
  // @ts-expect-error: an unknown condition
  { permissions: ['a'] },
  // @ts-expect-error: an undefined requirement is an error at run time
  { roles: process.env['ROLE'] },
]
// @ts-expect-error: a rule that is used without a request has no check
export const tokenRule: BearerTokenRule = { check: () => true }
// @ts-expect-error: a token that is to be verified cannot be optional
export const tokenRule2: BearerTokenRule = { optional: true }

// A guard is an Express handler, and its check is typed by the declared claims.
holds<Equal<typeof api.router, RequestHandler>>()
export const handlers: RequestHandler[] = [api.requireBearer(), api.requireBearer({ optional: true })]
express()
  .use(api.router)
  .get('/a', api.requireBearer({ scope: 'a' }), (request, res) => void res.json(request.auth.sub))
  .use('/b', [api.requireBearer(), oidc.requireBearer({ audience: 'b' })], express.Router())
api.requireBearer<Claims>({
  check(claims, request) {
    holds<[Equal<typeof claims, OidcUnknownClaims & Claims>, Equal<typeof request, Request>]>()
    holds<[Equal<typeof claims.tenant, string>, Equal<(typeof claims)['anything'], unknown>]>()
    return true
  },
})
oidc.requireBearer({
  // The claims of a user are not those of a token.
  check: (claims) => {
    holds<Equal<(typeof claims)['tenant'], unknown>>()
    return true
  },
})
// @ts-expect-error: the argument is a rule, not a scope
api.requireBearer('orders:read')

// `req.auth` is read-only, and undeclared claims are unknown.
holds<
  [
    Equal<Request['auth'], BearerAuth | undefined>,
    Equal<BearerAuth['claims']['anything'], unknown>,
    Equal<BearerAuth['sub'], string | undefined>,
    Equal<BearerAuth['scope'], readonly string[]>,
    Equal<BearerAuth['roles'], readonly string[]>,
    Equal<BearerAuth['issuer'], string>,
    Equal<BearerAuth['token'], string>,
  ]
>()
// @ts-expect-error: the subject may be undefined
export const sub: string = api.auth(req).sub
// @ts-expect-error: the type of a claim is unknown
export const level: number = api.auth(req).claims['level']
// @ts-expect-error: read-only
api.auth(req).sub = 'bob'
// @ts-expect-error: the array is read-only
api.auth(req).roles.push('admin')

// `verifyToken()` returns the requested type of claims.
const verified = api.verifyToken<Claims>('token', { scope: 'a' })
holds<Equal<typeof verified, Promise<BearerAuth<Claims>>>>()
void verified.then(({ claims }) => holds<Equal<typeof claims.tenant, string>>())
const plain = oidc.verifyToken('token')
holds<Equal<typeof plain, Promise<BearerAuth>>>()
// @ts-expect-error: a token is a string
void api.verifyToken(undefined)

// The members of the result of `authorize()` depend on `ok`.
void api.authorize<Claims>(req, { check: ({ tenant }) => tenant === 'acme', optional: true }).then((outcome) => {
  if (outcome.ok) holds<Equal<typeof outcome.auth, BearerAuth | undefined>>()
  else holds<Equal<typeof outcome, OidcNotAuthorized>>()
  // @ts-expect-error: `auth` does not exist before `ok` is checked
  void outcome.auth
})
void oidc.authorize(req, { bearer: true, check: ({ tenant }) => tenant === 'acme' }).then((outcome) => {
  holds<Equal<typeof outcome, OidcAuthorized<Claims> | OidcNotAuthorized>>()
  if (outcome.ok)
    holds<
      [Equal<typeof outcome.user, OidcUser<Claims> | undefined>, Equal<typeof outcome.auth, BearerAuth | undefined>]
    >()
  else {
    const { status, code, headers } = outcome
    holds<[Equal<typeof status, number>, Equal<typeof code, OidcErrorCode>]>()
    holds<Equal<typeof headers, Readonly<Record<string, string>>>>()
  }
})
holds<Equal<OidcAuthorized['user'], OidcUser | undefined>>()

// Rules for sessions and tokens.
export const both: OidcAuthRule<Claims>[] = [{ bearer: true }, { bearer: { audience: 'a' } }, { bearer: { audience } }]
export const wrongBoth: OidcAuthRule<Claims>[] = [
  // @ts-expect-error: omit `bearer` to ignore tokens
  { bearer: false },
  // @ts-expect-error: the audience is missing
  { bearer: {} },
  // @ts-expect-error: `optional` would open the route
  { bearer: { audience: 'a', optional: true } },
  // @ts-expect-error: the audience is a member of `bearer`
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
  // @ts-expect-error: an event contains no token
  void event.token
})
// @ts-expect-error: the event does not exist
api.on('rejected', () => {})

// None of the types contains `any`. Types of Express, which contain `any`, and of Node are not searched.
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
  | OidcGuard<{ auth: BearerAuth | undefined }>
holds<
  [
    Equal<AnyIn<typeof createBearer, Others>, never>,
    Equal<AnyIn<Bearer, Others>, never>,
    Equal<AnyIn<BearerOptions, Others>, never>,
    Equal<AnyIn<BearerIssuer, Others>, never>,
    Equal<AnyIn<BearerRule, Others>, never>,
    Equal<AnyIn<BearerAuth, Others>, never>,
    Equal<AnyIn<OidcAuthorized, Others>, never>,
    Equal<AnyIn<OidcNotAuthorized, Others>, never>,
    Equal<AnyIn<ConstructorParameters<typeof BearerError>, Others>, never>,
  ]
>()
