import type { NextFunction, Request, Response } from 'express'
import type { OidcError } from '../core/errors.ts'
import type { Records } from '../core/records.ts'
import type { LoginBearerSettings } from './bearer-options.ts'
import type { StandardClaims, TokenSet, User, RoleSources } from './claims.ts'
import type { IssuerRules } from './issuer-rules.ts'
import type { SessionStore } from './session-store.ts'
import type { ProviderMetadata } from './provider-metadata.ts'

/** What `afterLogin` gets. */
export interface FinishedLogin<Claims extends object = StandardClaims> {
  readonly user: User<Claims>
  readonly tokens: TokenSet
  /** Roles as `roles` found them. */
  readonly roles: readonly string[]
}

/** Paths of an instance's routes, relative to `baseUrl`. */
export interface RouteOptions {
  /** Begins a login. Default `/login`, with a name `/<name>/login`. */
  login?: string | undefined
  /** The redirect URI: register `baseUrl` + this path with the provider. Default `/callback`, with a name `/<name>/callback`. */
  callback?: string | undefined
  /** Ends a login. Default `/logout`, with a name `/<name>/logout`. */
  logout?: string | undefined
  /**
   * Where the provider's server says that logins have ended: register `baseUrl` + this path as the back-channel logout URI
   * (OIDC Back-Channel Logout 2.2). Default `/backchannel-logout`, with a name `/<name>/backchannel-logout`.
   */
  backchannelLogout?: string | undefined
  /**
   * Where a page of the provider says so through the browser: register `baseUrl` + this path as the front-channel logout
   * URI (OIDC Front-Channel Logout 2). Default `/frontchannel-logout`, with a name `/<name>/frontchannel-logout`.
   */
  frontchannelLogout?: string | undefined
}

/** Options of `createOidc`. */
export interface OidcOptions<Claims extends object = StandardClaims> extends IssuerRules {
  /**
   * The provider: its issuer identifier, exactly as its metadata says it (its metadata are then discovered on first
   * use, OIDC Discovery 4); or the metadata themselves, as an object or as the URL of a JSON file (`new URL('file:...')`).
   * Must be `https:`, or on loopback.
   */
  issuer: string | URL | ProviderMetadata
  /** The client identifier that the provider knows this application by. */
  clientId: string
  /**
   * The client secret. Must not be present and undefined: an environment variable that is not set must not turn this
   * application into a public client. A public client says `clientAuth: 'none'`.
   */
  clientSecret?: string | undefined
  /**
   * How the client authenticates at the token endpoint (OIDC Core 9): `client_secret_basic` (default),
   * `client_secret_post`, or `none` for a public client.
   */
  clientAuth?: 'client_secret_basic' | 'client_secret_post' | 'none' | undefined
  /**
   * Where browsers reach this application, with the path that the router is mounted at. The redirect URI and all
   * other public URLs are made of it, never of request headers.
   */
  baseUrl: string | URL
  /**
   * Name of this instance, where one application logs in with several providers: letters, digits and hyphens.
   * Its routes are then `/<name>/login` and so on. Default `default`, with routes of no prefix.
   */
  name?: string | undefined
  /** Paths of the routes. */
  routes?: RouteOptions | undefined
  /** Scope to ask for, a string or an array; must contain `openid`. Default `openid profile email`. */
  scope?: string | readonly string[] | undefined
  /**
   * Where access tokens are to be used (RFC 8707), to be asked for at each login: an absolute URI, or an array of such.
   * Default: what the provider makes of the scope.
   */
  resource?: string | readonly string[] | undefined
  /**
   * What cookies and tokens are sealed with: at least 32 characters, or a list of such (the first seals, all open).
   * Required unless `baseUrl` is on loopback and there is a `clientSecret`; there it is derived from that, with a
   * warning. Off loopback one repeated character, only white space, and a sample of the documentation are refused.
   */
  secret?: string | readonly string[] | undefined
  /**
   * Runs when a login is finished, on the new session, before it is saved: create or update the user, write to
   * `req.session`. May return a path to go to instead of where the login began, or refuse with
   * `throw new LoginRefused(message)`. Any other error is a fault (500), and the former session stays as it was.
   */
  afterLogin?:
    | ((req: Request, login: FinishedLogin<Claims>) => string | void | undefined | Promise<string | void | undefined>)
    | undefined
  /** Answers in our place: gets each error that our handlers and guards would answer. */
  onError?: ((error: OidcError, req: Request, res: Response, next: NextFunction) => unknown) | undefined
  /**
   * A page of the application's own, a path on this origin: guards send navigations there, with `returnTo`, instead of
   * to the provider.
   */
  loginPage?: string | undefined
  /** The roles of a user, from what was verified. Default: the claim `roles` of the ID token, where it is an array of strings. */
  roles?: ((sources: RoleSources) => readonly string[]) | undefined
  /** Whether the userinfo endpoint (OIDC Core 5.3) is asked at each login and its claims added to the user's. Default `never`. */
  userInfo?: 'never' | 'login' | undefined
  /** Seconds after which a login ends whatever the activity. Default 28800 (8 hours). */
  maxLoginSeconds?: number | undefined
  /**
   * Seconds after which a login in use is rechecked with the provider, where there is a refresh token: a guarded request
   * that finds it older starts a refresh, and does not wait for it. So an account that was disabled, a lost role and a
   * session that ended at the provider take effect; a provider that is down changes nothing. 0: never. Default 300.
   */
  recheckSeconds?: number | undefined
  /** Seconds after which a request to the provider is given up, its body included. Default 5. */
  providerTimeoutSeconds?: number | undefined
  /** Seconds that the clocks of the provider and this machine may differ. Default 30, at most 300. */
  clockToleranceSeconds?: number | undefined
  /**
   * The one algorithm that ID tokens and logout tokens may be signed with: the client's `id_token_signed_response_alg`
   * (OIDC Dynamic Registration 2). Default: whatever asymmetric one the provider's metadata list.
   */
  idTokenSignedResponseAlg?: string | undefined
  /**
   * Origins, besides that of `baseUrl`, whose pages may send unsafe requests (POST and the like) to guarded session
   * routes.
   */
  allowedOrigins?: readonly string[] | undefined
  /**
   * Origins that `req.oidc.fetch()` may call with the user's access token. A token goes nowhere else, whatever a request
   * says. `https:`, or on loopback. Default: none.
   */
  fetchOrigins?: readonly string[] | undefined
  /**
   * Where a logout ends: a path on this origin. Register `baseUrl`'s origin + this path with the provider: browsers come
   * back there, and go on to `returnTo` where `logout()` has another. Default: the path of `baseUrl`.
   */
  postLogoutRedirect?: string | undefined
  /**
   * How the provider returns the authorization response: `query` (default), or `form_post` (OAuth 2.0 Form Post
   * Response Mode), which needs `https:` or loopback for its cookie.
   */
  responseMode?: 'query' | 'form_post' | undefined
  /** Pushes the authorization request (RFC 9126) also where the provider does not require it. Default false. */
  par?: boolean | undefined
  /**
   * Binds the tokens of each login to a key of its own (DPoP, RFC 9449; ES256), so that they are of no use to who has
   * stolen them, nor is the authorization code. The key is kept sealed: in the cookie of the login under way, and then
   * with the tokens. A provider that answers with `Bearer` tokens all the same is refused
   * (`provider_response_invalid`, 502). One whose metadata have `dpop_signing_alg_values_supported` without `ES256` is not
   * asked at all (`setup_invalid`, 500); one whose metadata do not say is asked. It concerns logins from then on: those that
   * were begun before stay as they are. Default false.
   */
  dpop?: boolean | undefined
  /** Where logins and tokens are kept. Default: beside the session, in its own store. */
  records?: Records | undefined
  /**
   * The store that `session()` has. Needed by `oidc.logins`, which look without a request; a process that only runs jobs makes
   * one of its own, on the same database. Default: none.
   */
  sessionStore?: SessionStore | undefined
  /**
   * Keeps the name of the browser (`User-Agent`) and the address (`req.ip`) with each login, for `oidc.logins.list()`: both
   * are personal data. Default false.
   */
  rememberDevice?: boolean | undefined
  /** The `fetch` that requests to the provider go through, for a proxy or a private certificate authority. Default: the global one. */
  fetch?: typeof globalThis.fetch | undefined
  /** Permits a provider on plain `http:` that is not on loopback. Its answers can then be forged by anyone on the way. Default false. */
  allowInsecureIssuer?: boolean | undefined
  /** What access tokens `requireBearer`, `requireAuth({ bearer })` and `verifyToken` accept. Default: those of this issuer for the audience of each rule. */
  bearer?: LoginBearerSettings | undefined
}

/** What one login asks of the provider, beyond the options of the instance. */
export interface LoginParameters {
  /**
   * Scope to ask for instead of the instance's, a string or an array; `openid` is added where it is missing. Where the
   * user is logged in with this instance, it is asked for on top of what was granted.
   */
  scope?: string | readonly string[] | undefined
  /**
   * Where access tokens are to be used (RFC 8707), besides what the options name: an absolute URI, or an array of such.
   * They are then got one by one: `req.oidc.accessToken({ resource })`.
   */
  resource?: string | readonly string[] | undefined
  /** OIDC Core 3.1.2.1: `none`, `login`, `consent`, `select_account`, or several separated by spaces. */
  prompt?: string | undefined
  /** OIDC Core 3.1.2.1: who is expected to log in. */
  loginHint?: string | undefined
  /** OIDC Core 3.1.2.1: requested authentication context classes, in order of preference. */
  acrValues?: string | readonly string[] | undefined
  /** Seconds since the user last authenticated that are at most acceptable (`max_age`); checked when the user comes back. */
  maxAuthAgeSeconds?: number | undefined
  /** OIDC Core 3.1.2.1: languages for the provider's pages, in order of preference. */
  uiLocales?: string | readonly string[] | undefined
  /** Further parameters of the provider's own (`kc_idp_hint`, `domain_hint`). Those of the protocol cannot be set here. */
  extra?: Readonly<Record<string, string>> | undefined
  /** Where the user lands after the login: a path on this origin. Default: the request's own `returnTo` parameter, else the base path. */
  returnTo?: string | undefined
}

/** What one logout does. */
export interface LogoutParameters {
  /** Where the user lands after the logout: a path on this origin. Default: `postLogoutRedirect`. */
  returnTo?: string | undefined
  /**
   * Ends the login here alone; at the provider its user stays logged in, and the next login may ask for no password. The
   * tokens are revoked all the same. Default false.
   */
  local?: boolean | undefined
  /**
   * Ends the logins of this session with all other instances too, here; at the provider only the one of this instance is
   * ended. Default false.
   */
  all?: boolean | undefined
}
