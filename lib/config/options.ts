import type { NextFunction, Request, Response } from 'express'
import type { OidcError } from '../core/errors.ts'
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

/** Paths of the routes of an instance, relative to `baseUrl`: plain paths, without pattern, query or final slash. */
export interface OidcRouteOptions {
  /** Path that starts a login.
   * @default '/login', or '/<name>/login' with a `name`
   * @example createOidc({ ...options, routes: { login: '/sign-in' } }) */
  login?: string | undefined
  /** Path of the redirect URI: register `baseUrl` plus this path with the provider.
   * @default '/callback', or '/<name>/callback' with a `name`
   * @example createOidc({ ...options, routes: { callback: '/auth/callback' } }) */
  callback?: string | undefined
  /** Path that ends the login, here and at the provider.
   * @default '/logout', or '/<name>/logout' with a `name`
   * @example createOidc({ ...options, routes: { logout: '/sign-out' } }) */
  logout?: string | undefined
  /** Path of the back-channel logout URI (OIDC Back-Channel Logout, section 2.2): register `baseUrl` plus this path.
   * @default '/backchannel-logout', or '/<name>/backchannel-logout' with a `name`
   * @example createOidc({ ...options, routes: { backchannelLogout: '/auth/backchannel' } }) */
  backchannelLogout?: string | undefined
  /** Path of the front-channel logout URI (OIDC Front-Channel Logout, section 2): register `baseUrl` plus this path.
   * @default '/frontchannel-logout', or '/<name>/frontchannel-logout' with a `name`
   * @example createOidc({ ...options, routes: { frontchannelLogout: '/auth/frontchannel' } }) */
  frontchannelLogout?: string | undefined
}

/**
 * Options of `createOidc`: the provider of the logins, and the settings of the application. In the examples of the members,
 * `options` are the other options.
 *
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

/** Options of `createOidc` beside `provider` or `issuer`. */
export interface OidcBaseOptions<Claims extends object = OidcUserClaims> {
  /** The client identifier that is registered with the provider.
   * @example createOidc({ ...options, clientId: 'web' }) */
  clientId: string
  /** The client secret. Required unless `clientAuth` is `none`. Passing `clientSecret: undefined` is an error: an unset
   * environment variable must not turn this application into a public client.
   * @example createOidc({ ...options, clientSecret: process.env.CLIENT_SECRET }) */
  clientSecret?: string | undefined
  /** Client authentication at the token endpoint; `none` is for a public client.
   * @default 'client_secret_basic'
   * @see https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication
   * @example createOidc({ ...options, clientAuth: 'client_secret_post' }) */
  clientAuth?: 'client_secret_basic' | 'client_secret_post' | 'none' | undefined
  /** The URL at which browsers reach this application, with the path that the router is mounted at. The redirect URI and
   * all other public URLs are derived from it, never from request headers.
   * @example createOidc({ ...options, baseUrl: 'https://app.example.com/shop' }) */
  baseUrl: string | URL
  /** Name of this instance, if one application uses several: a letter, then up to 31 letters, digits and hyphens.
   * @default 'default', which cannot be passed; its routes have no prefix
   * @example createOidc({ ...options, name: 'partners' }) */
  name?: string | undefined
  /** Paths of the routes, relative to `baseUrl`.
   * @example createOidc({ ...options, routes: { login: '/sign-in' } }) */
  routes?: OidcRouteOptions | undefined
  /** Scope to request, a string or an array; must contain `openid`.
   * @default the scope of `provider`, otherwise 'openid profile email'
   * @example createOidc({ ...options, scope: 'openid profile offline_access' }) */
  scope?: string | readonly string[] | undefined
  /** APIs that access tokens are for (`resource`, RFC 8707), requested at each login: an absolute URI or an array.
   * @default none: the provider decides by the scope
   * @see https://www.rfc-editor.org/rfc/rfc8707#section-2
   * @example createOidc({ ...options, resource: 'https://api.example.com' }) */
  resource?: string | readonly string[] | undefined
  /** Secret that encrypts cookies and tokens, at least 32 characters; or a list: the first encrypts, all decrypt. A secret
   * that can be guessed is rejected unless `baseUrl` is on loopback.
   * @default derived from `clientSecret`, with a warning, if `baseUrl` is on loopback; required otherwise
   * @example createOidc({ ...options, secret: process.env.OIDC_SECRET }) */
  secret?: string | readonly string[] | undefined
  /** Called when a login finishes, on the new session, before it is saved: create the user, write to `req.session`. Returns
   * a path on this origin to go to instead of where the login began. `throw new LoginRefused(message)` refuses the login.
   * Any other error is answered with `hook_failed` (500). In both cases the former session is unchanged.
   * @example createOidc({ ...options, afterLogin: async (req, { user }) => { await saveUser(user) } }) */
  afterLogin?:
    | ((
        req: Request,
        login: OidcFinishedLogin<Claims>,
      ) => string | void | undefined | Promise<string | void | undefined>)
    | undefined
  /** Custom error handler, called instead of the built-in page or problem+json. `next(error)` passes to `errorHandler()`.
   * @example createOidc({ ...options, onError: (error, req, res) => res.status(error.status).send(error.code) }) */
  onError?: ((error: OidcError, req: Request, res: Response, next: NextFunction) => unknown) | undefined
  /** Path of your own login page. Guards redirect navigations there, with `returnTo`, instead of to the provider.
   * @example createOidc({ ...options, loginPage: '/welcome' }) */
  loginPage?: string | undefined
  /** Returns the user's roles, from verified claims.
   * @default the roles of `provider`; otherwise the claim `roles`, Keycloak's realm roles, and its client roles as `client:role`: of the access token, or else
   * of the ID token, or else of userinfo. The claim `roles` of an access token for another API does not count.
   * @example createOidc({ ...options, roles: ({ accessToken }) => (accessToken?.groups ?? []) as string[] }) */
  roles?: ((sources: OidcRoleSources) => readonly string[]) | undefined
  /** Requests userinfo (OIDC Core, section 5.3) at each login and refresh, and adds its claims to the user.
   * @default false
   * @example createOidc({ ...options, userInfo: true }) */
  userInfo?: boolean | undefined
  /** Seconds after which a login ends, regardless of activity: from 1 to 34560000 (400 days).
   * @default 28800
   * @example createOidc({ ...options, maxLoginSeconds: 3600 }) */
  maxLoginSeconds?: number | undefined
  /** Seconds, up to 86400, after which a login in use that has a refresh token is refreshed, in the background of a guarded
   * request. Disabled accounts, lost roles and sessions that ended at the provider then take effect. If the provider is
   * down, nothing changes. 0 disables rechecks.
   * @default 300
   * @example createOidc({ ...options, recheckSeconds: 60 }) */
  recheckSeconds?: number | undefined
  /** Seconds after which a request to the provider is aborted, its body included: from 0.1 to 300.
   * @default 5
   * @example createOidc({ ...options, providerTimeoutSeconds: 10 }) */
  providerTimeoutSeconds?: number | undefined
  /** Seconds by which the clocks of the provider and this machine may differ: from 0 to 300.
   * @default 30
   * @example createOidc({ ...options, clockToleranceSeconds: 5 }) */
  clockToleranceSeconds?: number | undefined
  /** The only accepted algorithm of ID and logout tokens: the client's `id_token_signed_response_alg`.
   * @default every asymmetric algorithm in the provider's metadata, or RS256 if they list none
   * @example createOidc({ ...options, idTokenSignedResponseAlg: 'ES256' }) */
  idTokenSignedResponseAlg?: string | undefined
  /** Other origins whose pages may send unsafe requests (POST and the like) to guarded session routes.
   * @default []
   * @example createOidc({ ...options, allowedOrigins: ['https://www.example.com'] }) */
  allowedOrigins?: readonly string[] | undefined
  /** Origins that `req.oidc.fetch()` may send the access token to, `https:` or on loopback. It is sent nowhere else.
   * @default []
   * @example createOidc({ ...options, fetchOrigins: ['https://orders.example.com'] }) */
  fetchOrigins?: readonly string[] | undefined
  /** Path on this origin that the provider redirects to after a logout: register the origin of `baseUrl` plus this path.
   * From there the browser is redirected to the `returnTo` of `logout()`, if that differs.
   * @default the path of `baseUrl`
   * @example createOidc({ ...options, postLogoutRedirect: '/goodbye' }) */
  postLogoutRedirect?: string | undefined
  /** Mode of the authorization response; `form_post` (OAuth 2.0 Form Post) needs `https:` or loopback for its cookie.
   * @default 'query'
   * @example createOidc({ ...options, responseMode: 'form_post' }) */
  responseMode?: 'query' | 'form_post' | undefined
  /** Pushes authorization requests (RFC 9126), even if the provider does not require it.
   * @default false
   * @see https://www.rfc-editor.org/rfc/rfc9126#section-2
   * @example createOidc({ ...options, par: true }) */
  par?: boolean | undefined
  /** Binds the tokens and the authorization code of each new login to an ES256 key of its own (DPoP, RFC 9449), so that
   * stolen ones are useless. A provider whose `dpop_signing_alg_values_supported` lacks ES256 gets no
   * authorization request (`setup_invalid`, 500). Bearer tokens are rejected (`provider_response_invalid`, 502).
   * @default false
   * @see https://www.rfc-editor.org/rfc/rfc9449#section-10
   * @example createOidc({ ...options, dpop: true }) */
  dpop?: boolean | undefined
  /** Storage for logins and tokens, if not in the session store.
   * @default the session store
   * @example createOidc({ ...options, records: redisRecords({ client }) }) */
  records?: OidcRecords | undefined
  /** The store passed to `session()`, or another on the same database. `oidc.logins` needs it, because it has no request.
   * @example createOidc({ ...options, sessionStore: store }) */
  sessionStore?: OidcSessionStore | undefined
  /** Stores `User-Agent` and `req.ip` with each login, for `oidc.logins.list()`. Both are personal data.
   * @default false
   * @example createOidc({ ...options, storeDevice: true }) */
  storeDevice?: boolean | undefined
  /** The `fetch` for requests to the provider, for example with a proxy or a private certificate authority.
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

/** Parameters of one login, beyond the options of the instance.
 * @see https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest */
export interface OidcLoginParameters {
  /** Scope, a string or an array, instead of the instance's; `openid` is added. If the user is logged in with this
   * instance, it is requested in addition to the granted scope.
   * @example oidc.login({ scope: 'calendar.read' }) */
  scope?: string | readonly string[] | undefined
  /** APIs to get access tokens for, in addition to the option `resource`: an absolute URI or an array.
   * Get each token by `req.oidc.accessToken({ resource })`.
   * @example oidc.login({ resource: 'https://api.example.com' }) */
  resource?: string | readonly string[] | undefined
  /** `none`, or one or more of `login`, `consent` and `select_account`, separated by spaces.
   * @example oidc.login({ prompt: 'select_account' }) */
  prompt?: string | undefined
  /** The user who is expected to log in (`login_hint`).
   * @example req.oidc.login({ loginHint: 'alice@example.com' }) */
  loginHint?: string | undefined
  /** Requested authentication context classes (`acr_values`), in order of preference.
   * @example oidc.login({ acrValues: 'gold' }) */
  acrValues?: string | readonly string[] | undefined
  /** Seconds, from 0, since the last authentication of the user (`max_age`); checked by `auth_time` of the ID token.
   * @example oidc.login({ maxAuthAgeSeconds: 300 }) */
  maxAuthAgeSeconds?: number | undefined
  /** Languages for the provider's pages (`ui_locales`), in order of preference.
   * @example oidc.login({ uiLocales: 'fr en' }) */
  uiLocales?: string | readonly string[] | undefined
  /** Parameters that only this provider knows. Parameters of the protocol are rejected.
   * @example oidc.login({ extra: { kc_idp_hint: 'github' } }) */
  extra?: Readonly<Record<string, string>> | undefined
  /** Path on this origin that the user returns to after the login.
   * @default the `returnTo` parameter of the request, otherwise the path of `baseUrl`
   * @example oidc.login({ returnTo: '/calendar' }) */
  returnTo?: string | undefined
}

/** Parameters of one logout. */
export interface OidcLogoutParameters {
  /** Path on this origin that the user returns to after the logout.
   * @default the option `postLogoutRedirect`
   * @example oidc.logout({ returnTo: '/goodbye' }) */
  returnTo?: string | undefined
  /** Ends the login only here, and revokes its tokens. The user stays logged in at the provider, so the next login may need
   * no password.
   * @default false
   * @example oidc.logout({ local: true }) */
  local?: boolean | undefined
  /** Also ends this session's logins with all other instances, but only here. At the provider, only this login ends.
   * @default false
   * @example oidc.logout({ all: true }) */
  all?: boolean | undefined
}
