import type { StandardClaims, TokenSet, UnknownClaims, User } from '../../config/claims.ts'
import type { LoginParameters, LogoutParameters } from '../../config/options.ts'
import type { AccessTokenParameters, ExchangeParameters } from '../../config/token-parameters.ts'

/** Members of `req.oidc` whether or not somebody is logged in. */
export interface ContextBase {
  /** Name of the instance that this is the login of. */
  readonly provider: string
  /** The granted scope; empty where nobody is logged in. */
  readonly scope: readonly string[]
  /** The user's roles; empty where nobody is logged in. */
  readonly roles: readonly string[]
  /** Whether the user has a role. */
  hasRole(role: string): boolean
  /**
   * The tokens of the login, read and opened at each call.
   *
   * @throws OidcError `login_required` (401) where nobody is logged in or the tokens can no longer be opened,
   * `store_unavailable` (503).
   */
  tokens(): Promise<TokenSet>
  /**
   * The access token of the login, for calls to APIs as the user. One that has ended, or is about to, is refreshed first:
   * once, however many requests and processes ask for it.
   *
   * @throws OidcError `login_required` (401) where nobody is logged in, the provider has ended the login, or there is no
   * refresh token and the access token has ended; {@link LoginNeeded} `not_allowed` (403) where the provider does not grant
   * the scope or resource; `provider_unavailable`, `store_unavailable` (503); `setup_invalid` (500) where there is no
   * refresh token to get a token for another scope or resource with; `options_invalid` where a parameter is wrong.
   */
  accessToken(parameters?: AccessTokenParameters): Promise<string>
  /**
   * An access token for somebody else, in exchange for that of the login (RFC 8693), remembered until it ends. With Keycloak
   * a `scope` should have `openid` in it: else the login's refreshes bring no ID token any more.
   *
   * @throws OidcError as {@link accessToken}; `client_rejected` (500) where the provider does not exchange for this
   * application, `not_allowed` (403) where it does not for this user; `options_invalid` where a parameter is wrong.
   */
  exchange(parameters: ExchangeParameters): Promise<string>
  /**
   * Calls an API with the access token of the login; `url` must be of one of the `fetchOrigins`. One that the API refuses
   * (`invalid_token`) is refreshed once, and the call repeated unless its body is a stream. Redirects to another origin do not
   * get the token.
   *
   * @param parameters which access token; default: that of the login.
   * @returns the answer, of whatever status; rejects as `fetch` does.
   * @throws OidcError as {@link accessToken}; `destination_refused` (500) for any other origin; {@link LoginNeeded} where the
   * API says that it takes more scope, or a fresher or stronger authentication (RFC 6750 3.1, RFC 9470, Entra's claims
   * challenge): `errorHandler()` asks for it.
   */
  fetch(url: string | URL, init?: RequestInit, parameters?: AccessTokenParameters): Promise<globalThis.Response>
  /**
   * What the userinfo endpoint says of the user now (OIDC Core 5.3), verified.
   *
   * @throws OidcError as {@link accessToken}; `provider_response_invalid`, `token_invalid` (502) where the answer is not good.
   */
  userInfo(): Promise<UnknownClaims>
  /** Begins a login and answers the request. */
  login(parameters?: LoginParameters): Promise<void>
  /** Ends this login, here and at the provider, and answers the request. */
  logout(parameters?: LogoutParameters): Promise<void>
}

/** `req.oidc` where nobody is logged in. */
export interface AnonymousContext extends ContextBase {
  readonly isAuthenticated: false
  readonly user: undefined
  readonly loginId: undefined
}

/** `req.oidc` of a login. */
export interface LoginContext<Claims extends object = StandardClaims> extends ContextBase {
  readonly isAuthenticated: true
  /** The user: claims of the ID token and userinfo. */
  readonly user: User<Claims>
  /**
   * Names this login for as long as it lasts, in events too. No secret, and good for nothing by itself: for a job, which gets
   * the access token by `oidc.logins.accessToken({ id })`.
   */
  readonly loginId: string
}

/** What `req.oidc` is: a union on `isAuthenticated`. */
export type OidcContext<Claims extends object = StandardClaims> = AnonymousContext | LoginContext<Claims>

declare global {
  // eslint-disable-next-line typescript/no-namespace
  namespace Express {
    interface Request {
      /** The login of this request, put here by `oidc.router`. */
      oidc: OidcContext
    }
  }
}
