import type { NextFunction, Request, Response } from 'express'
import type { OidcError } from '../core/errors.ts'
import type { OidcLogEntry } from '../core/failure-log.ts'
import type { OidcRecords } from '../core/records.ts'
import type { OidcBearerOptions } from './bearer-options.ts'
import type { OidcUserClaims, OidcTokenSet, OidcUser, OidcRoleSources } from './claims.ts'
import type { OidcProviderOrIssuer } from './oidc-provider.ts'
import type { OidcSessionStore } from './session-store.ts'
import type { OidcProviderMetadata } from './provider-metadata.ts'

/** The login that `afterLogin` receives. */
export interface OidcFinishedLogin<Claims extends object = OidcUserClaims> {
  /** The claims about the user. */
  readonly user: OidcUser<Claims>
  /** The tokens that the provider issued. */
  readonly tokens: OidcTokenSet
  /** The user's roles (option `roles`). */
  readonly roles: readonly string[]
}

/** Paths of the routes of an instance, relative to `baseUrl`: plain paths, without pattern, query or trailing slash. */
export interface OidcRouteOptions {
  /** Path that starts a login.
   * @default '/login', or '/<name>/login' with a `name`
   * @example createOidc({ ...options, routes: { login: '/sign-in' } }) */
  login?: string | undefined
  /** Path of the redirect URI: register `baseUrl` plus this path with the provider.
   * @default '/callback', or '/<name>/callback' with a `name`
   * @see https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
   * @example createOidc({ ...options, routes: { callback: '/auth/callback' } }) */
  callback?: string | undefined
  /** Path that ends the login, here and at the provider.
   * @default '/logout', or '/<name>/logout' with a `name`
   * @see https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout
   * @example createOidc({ ...options, routes: { logout: '/sign-out' } }) */
  logout?: string | undefined
  /** Path of the back-channel logout URI: register `baseUrl` plus this path with the provider.
   * @default '/backchannel-logout', or '/<name>/backchannel-logout' with a `name`
   * @see https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRegistration
   * @example createOidc({ ...options, routes: { backchannelLogout: '/auth/backchannel' } }) */
  backchannelLogout?: string | undefined
  /** Path of the front-channel logout URI: register `baseUrl` plus this path with the provider.
   * @default '/frontchannel-logout', or '/<name>/frontchannel-logout' with a `name`
   * @see https://openid.net/specs/openid-connect-frontchannel-1_0.html#RPLogout
   * @example createOidc({ ...options, routes: { frontchannelLogout: '/auth/frontchannel' } }) */
  frontchannelLogout?: string | undefined
}

/**
 * Options of `createOidc`: the provider of the logins, and the settings of the application. In the examples below,
 * `options` stands for the other options.
 * @example
 * createOidc({
 *   provider: keycloak({ url: 'https://id.example.com', realm: 'acme' }), // or: issuer: 'https://id.example.com'
 *   clientId: 'web',
 *   clientSecret: process.env.CLIENT_SECRET,
 *   baseUrl: 'https://app.example.com',
 *   secret: process.env.OIDC_SECRET,
 * })
 */
export type OidcOptions<Claims extends object = OidcUserClaims> = OidcBaseOptions<Claims> &
  OidcProviderOrIssuer<string | URL | OidcProviderMetadata>

/** Options of `createOidc` other than `provider` and `issuer`. */
export interface OidcBaseOptions<Claims extends object = OidcUserClaims> {
  /** The client identifier that is registered with the provider.
   * @example createOidc({ ...options, clientId: 'web' }) */
  clientId: string
  /** The client secret. Required unless `clientAuth` is `none`. Passing `clientSecret: undefined` is an error: an unset
   * environment variable must not turn this application into a public client.
   * @default none
   * @see https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
   * @example createOidc({ ...options, clientSecret: process.env.CLIENT_SECRET }) */
  clientSecret?: string | undefined
  /** Client authentication at the token endpoint; `none` is for a public client.
   * @default 'client_secret_basic'
   * @see https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication
   * @example createOidc({ ...options, clientAuth: 'client_secret_post' }) */
  clientAuth?: 'client_secret_basic' | 'client_secret_post' | 'none' | undefined
  /** The URL at which browsers reach this application, including the mount path of the router. The redirect URI and
   * all other public URLs are derived from it, never from request headers.
   * @example createOidc({ ...options, baseUrl: 'https://app.example.com/shop' }) */
  baseUrl: string | URL
  /** Name of this instance, if one application uses several: a letter, then up to 31 letters, digits and hyphens.
   * @default 'default', which cannot be passed; its routes have no prefix
   * @example createOidc({ ...options, name: 'partners' }) */
  name?: string | undefined
  /** Paths of the routes, relative to `baseUrl`.
   * @default the default of each route
   * @example createOidc({ ...options, routes: { login: '/sign-in' } }) */
  routes?: OidcRouteOptions | undefined
  /** Scope to request: a string or an array that contains `openid`.
   * @default the scope of `provider`, otherwise 'openid profile email'
   * @see https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims
   * @example createOidc({ ...options, scope: 'openid profile offline_access' }) */
  scope?: string | readonly string[] | undefined
  /** APIs that access tokens are for (`resource`), requested at each login: an absolute URI or an array of URIs.
   * @default none: the provider decides by the scope
   * @see https://www.rfc-editor.org/rfc/rfc8707#section-2
   * @example createOidc({ ...options, resource: 'https://api.example.com' }) */
  resource?: string | readonly string[] | undefined
  /** Secret that encrypts cookies and tokens: at least 32 characters. In a list, the first encrypts and all decrypt. A
   * secret that is easy to guess is rejected unless `baseUrl` is on loopback.
   * @default derived from `clientSecret`, with a warning, if `baseUrl` is on loopback; required otherwise
   * @example createOidc({ ...options, secret: process.env.OIDC_SECRET }) */
  secret?: string | readonly string[] | undefined
  /** Called when a login finishes, before the new session is saved: create the user, or write to `req.session`. If it
   * returns a path on this origin, the browser is redirected there instead of to the page where the login began. To refuse
   * the login, `throw new LoginRefused(message)`. Any other error gets the response 500 (`hook_failed`). After either error,
   * the former session is unchanged.
   * @default none
   * @example createOidc({ ...options, afterLogin: async (req, { user }) => { await saveUser(user) } }) */
  afterLogin?:
    | ((
        req: Request,
        login: OidcFinishedLogin<Claims>,
      ) => string | void | undefined | Promise<string | void | undefined>)
    | undefined
  /** Custom error handler, called instead of sending the built-in page or problem+json. `next(error)` passes the error on
   * to `errorHandler()`.
   * @default the built-in page or problem+json
   * @example createOidc({ ...options, onError: (error, req, res) => res.status(error.status).send(error.code) }) */
  onError?: ((error: OidcError, req: Request, res: Response, next: NextFunction) => unknown) | undefined
  /** Where failures are logged that the request itself did not cause, and warnings about the setup. A function gets each as
   * an {@link OidcLogEntry}; `false` turns the log off. The same code at the same place is logged at most once a minute.
   * @default one line on standard error for each, and the stack of an exception in one of your functions
   * @example createOidc({ ...options, log: ({ level, message, ...entry }) => logger[level](entry, message) }) */
  log?: false | ((entry: Readonly<OidcLogEntry>) => unknown) | undefined
  /** Path of your own login page. Guards redirect navigations there, with `returnTo`, instead of to the provider.
   * @default none: guards redirect to the provider
   * @example createOidc({ ...options, loginPage: '/welcome' }) */
  loginPage?: string | undefined
  /** Returns the user's roles, from verified claims.
   * @default the roles of `provider`; otherwise the claim `roles`, Keycloak's realm roles, and its client roles as
   * `client:role`, from the first of the access token, the ID token and userinfo that has them. The claim `roles` of an
   * access token for another API does not count.
   * @example createOidc({ ...options, roles: ({ accessToken }) => (accessToken?.groups ?? []) as string[] }) */
  roles?: ((sources: OidcRoleSources) => readonly string[]) | undefined
  /** Requests userinfo at each login and refresh, and adds its claims to the user.
   * @default false
   * @see https://openid.net/specs/openid-connect-core-1_0.html#UserInfo
   * @example createOidc({ ...options, userInfo: true }) */
  userInfo?: boolean | undefined
  /** Seconds after which a login ends, regardless of activity: from 1 to 34560000 (400 days).
   * @default 28800
   * @example createOidc({ ...options, maxLoginSeconds: 3600 }) */
  maxLoginSeconds?: number | undefined
  /** Seconds, up to 86400, after which a guarded request refreshes its login in the background, if the login has a refresh
   * token. The refresh detects a disabled account, a removed role or a session that ended at the provider. If the provider
   * is down, nothing changes. 0 disables rechecks.
   * @default 300
   * @example createOidc({ ...options, recheckSeconds: 60 }) */
  recheckSeconds?: number | undefined
  /** Seconds after which a request to the provider is aborted, including its response body: from 0.1 to 300.
   * @default 5
   * @example createOidc({ ...options, providerTimeoutSeconds: 10 }) */
  providerTimeoutSeconds?: number | undefined
  /** Seconds by which the clocks of the provider and this machine may differ: from 0 to 300.
   * @default 30
   * @example createOidc({ ...options, clockToleranceSeconds: 5 }) */
  clockToleranceSeconds?: number | undefined
  /** The only accepted algorithm of ID and logout tokens: the client's `id_token_signed_response_alg`.
   * @default every asymmetric algorithm in the provider's metadata, or RS256 if the metadata has no list
   * @see https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata
   * @example createOidc({ ...options, idTokenSignedResponseAlg: 'ES256' }) */
  idTokenSignedResponseAlg?: string | undefined
  /** Whether a logout token must have the type `logout+jwt` in its header (`typ`). With `optional`, tokens of the type `JWT`
   * and without a type are accepted too, because many providers send those.
   * @default 'optional'
   * @see https://openid.net/specs/openid-connect-backchannel-1_0.html#LogoutToken
   * @example createOidc({ ...options, logoutTokenType: 'required' }) */
  logoutTokenType?: 'required' | 'optional' | undefined
  /** Other origins whose pages may send unsafe requests, such as POST, to guarded session routes.
   * @default []
   * @example createOidc({ ...options, allowedOrigins: ['https://www.example.com'] }) */
  allowedOrigins?: readonly string[] | undefined
  /** Origins that `req.oidc.fetch()` may send the access token to, `https:` or on loopback. It is sent nowhere else, and
   * redirects lead nowhere else.
   * @default []
   * @example createOidc({ ...options, fetchOrigins: ['https://orders.example.com'] }) */
  fetchOrigins?: readonly string[] | undefined
  /** Path on this origin that the provider redirects to after a logout: register the origin of `baseUrl` plus this path.
   * From there the browser is redirected to the `returnTo` of `logout()`, if that differs.
   * @default the path of `baseUrl`
   * @see https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout
   * @example createOidc({ ...options, postLogoutRedirect: '/goodbye' }) */
  postLogoutRedirect?: string | undefined
  /** Sends the ID token to the provider at a logout (`id_token_hint`). It passes through the browser, in a URL. With `false`,
   * `client_id` and `logout_hint` are sent without it, and the provider may ask the user to confirm the logout.
   * @default true
   * @see https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout
   * @example createOidc({ ...options, logoutHint: false }) */
  logoutHint?: boolean | undefined
  /** Mode of the authorization response. `form_post` requires `https:` or loopback, because its cookie is `Secure`. Its
   * response, above all the code, may have 6000 bytes.
   * @default 'query'
   * @see https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html#FormPostResponseMode
   * @example createOidc({ ...options, responseMode: 'form_post' }) */
  responseMode?: 'query' | 'form_post' | undefined
  /** Pushes authorization requests (RFC 9126), even if the provider does not require it.
   * @default false
   * @see https://www.rfc-editor.org/rfc/rfc9126#section-2
   * @example createOidc({ ...options, par: true }) */
  par?: boolean | undefined
  /** Binds the tokens and the authorization code of each new login to its own ES256 key (DPoP, RFC 9449), so that stolen
   * ones are useless. If the provider's `dpop_signing_alg_values_supported` lacks ES256, logins fail with `setup_invalid`
   * (500). If the provider issues a bearer token nevertheless, they fail with `provider_response_invalid` (502).
   * @default false
   * @see https://www.rfc-editor.org/rfc/rfc9449#section-10
   * @example createOidc({ ...options, dpop: true }) */
  dpop?: boolean | undefined
  /** Storage for logins and tokens, if not in the session store.
   * @default the session store
   * @example createOidc({ ...options, records: redisRecords({ client }) }) */
  records?: OidcRecords | undefined
  /** The store passed to `session()`, or another on the same database. Required for `oidc.logins`, which has no request to
   * take the store from.
   * @default none: `oidc.logins` throws `setup_invalid`
   * @example createOidc({ ...options, sessionStore: store }) */
  sessionStore?: OidcSessionStore | undefined
  /** Stores `User-Agent` and `req.ip` with each login, for `oidc.logins.list()`. Both are personal data.
   * @default false
   * @example createOidc({ ...options, storeDevice: true }) */
  storeDevice?: boolean | undefined
  /** Replacement for `fetch` in requests to the provider, for example to use a proxy or a private certificate authority.
   * @default globalThis.fetch
   * @example createOidc({ ...options, fetch: proxiedFetch }) */
  fetch?: typeof globalThis.fetch | undefined
  /** Permits a provider on plain `http:` that is not on loopback. Anyone on the network path can then forge logins.
   * @default false
   * @example createOidc({ ...options, issuer: 'http://id.internal', allowInsecureIssuer: true }) */
  allowInsecureIssuer?: boolean | undefined
  /** Access tokens that `requireBearer`, `requireAuth({ bearer })` and `verifyToken` accept.
   * @default tokens of this issuer for the audience of each rule
   * @example createOidc({ ...options, bearer: { audience: 'orders' } }) */
  bearer?: OidcBearerOptions | undefined
}
