import type { OidcUserClaims, OidcTokenSet, OidcUnknownClaims, OidcUser } from '../../config/claims.ts'
import type { OidcLogoutParameters } from '../../config/logout-parameters.ts'
import type { OidcLoginParameters } from '../../config/login-parameters.ts'
import type { OidcAccessTokenParameters, OidcExchangeParameters } from '../../config/token-parameters.ts'

/** The members that `req.oidc` always has, with or without a login. */
export interface ContextBase {
  /** The name of the instance (option `name`). */
  readonly provider: string
  /** The scope granted to the login, for all resources; empty without a login. */
  readonly scope: readonly string[]
  /** The user's roles (option `roles`); empty without a login. */
  readonly roles: readonly string[]
  /**
   * Returns whether the user has a role; false without a login.
   *
   * @example
   * const isAdmin = req.oidc.hasRole('admin')
   */
  hasRole(role: string): boolean
  /**
   * Reads and decrypts the stored tokens of the login, without refreshing them: see {@link accessToken}.
   *
   * @throws OidcError `login_required` (401) if nobody is logged in or the tokens can no longer be decrypted;
   * `store_unavailable` (503).
   * @example
   * const { idToken } = await req.oidc.tokens()
   */
  tokens(): Promise<OidcTokenSet>
  /**
   * Returns the login's access token, to call APIs as the user. A token that has expired, or expires within
   * `minValidSeconds`, is refreshed first, once across all requests and processes. If the refresh fails, a token that has
   * not expired is returned.
   *
   * @throws OidcError `login_required` (401) if nobody is logged in, if the provider refused the refresh token, or if the
   * access token has expired and there is no refresh token; {@link LoginNeeded} `not_allowed` (403) if the provider does
   * not grant the scope or resource; `provider_unavailable`, `store_unavailable` (503); `setup_invalid` (500) if a token
   * for another scope or resource requires a refresh token and there is none; `options_invalid` if a parameter is invalid.
   * @see https://www.rfc-editor.org/rfc/rfc6749#section-6
   * @example
   * const token = await req.oidc.accessToken({ scope: 'orders:read' })
   */
  accessToken(parameters?: OidcAccessTokenParameters): Promise<string>
  /**
   * Exchanges the login's access token for a token for another service (RFC 8693). The new token is stored and reused until
   * it expires. With Keycloak, include `openid` in `scope`; otherwise later refreshes of the login return no ID token.
   *
   * @throws OidcError as {@link accessToken}; `client_rejected` (500) if the provider refuses the exchange to this client;
   * `not_allowed` (403) if it refuses the exchange for this user.
   * @see https://www.rfc-editor.org/rfc/rfc8693#section-2.1
   * @example
   * const token = await req.oidc.exchange({ audience: 'orders' })
   */
  exchange(parameters: OidcExchangeParameters): Promise<string>
  /**
   * Calls an API with the login's access token. The origin of `url` must be listed in `fetchOrigins`. If the API rejects
   * the token (`invalid_token`), the token is refreshed and the call repeated once, unless the body is a stream. Redirects
   * are followed to origins in `fetchOrigins` only, and to another origin without the token. To follow none, pass
   * `redirect: 'manual'` or `'error'`.
   *
   * @param init As for `fetch`.
   * @param parameters Selects the access token, as for {@link accessToken}. The default is the login's own.
   * @returns The response, whatever its status. Rejects as `fetch` does.
   * @throws OidcError as {@link accessToken}; `destination_refused` (500) for any other origin, also of a redirect; {@link LoginNeeded} if the
   * API requires more scope, or a fresher or stronger authentication (RFC 6750, RFC 9470, Entra's claims challenge).
   * `errorHandler()` turns that error into a step-up login.
   * @see https://www.rfc-editor.org/rfc/rfc6750#section-3.1
   * @example
   * const response = await req.oidc.fetch('https://orders.example.com/', { method: 'DELETE' })
   */
  fetch(url: string | URL, init?: RequestInit, parameters?: OidcAccessTokenParameters): Promise<globalThis.Response>
  /**
   * Returns the current claims about the user from the provider's userinfo endpoint, after verifying their subject.
   *
   * @throws OidcError as {@link accessToken}; `provider_response_invalid` or `token_invalid` (502) if the response is
   * invalid; `client_rejected` (500) if the provider rejects the request.
   * @see https://openid.net/specs/openid-connect-core-1_0.html#UserInfo
   * @example
   * const { email } = await req.oidc.userInfo()
   */
  userInfo(): Promise<OidcUnknownClaims>
  /**
   * Starts a login and sends the response, normally a redirect to the provider.
   *
   * @throws OidcError `options_invalid` if a parameter is invalid; `provider_unavailable` (503); `setup_invalid` (500) if
   * the provider lacks what an option needs; `client_rejected` (500) or `provider_response_invalid` (502) if the provider
   * rejects a pushed request or the client.
   * @see https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
   * @example
   * await req.oidc.login({ prompt: 'login', returnTo: '/settings' })
   */
  login(parameters?: OidcLoginParameters): Promise<void>
  /**
   * Ends the login, here and at the provider, and sends the response.
   *
   * @throws OidcError `options_invalid` if a parameter is invalid.
   * @see https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout
   * @example
   * await req.oidc.logout({ returnTo: '/goodbye' })
   */
  logout(parameters?: OidcLogoutParameters): Promise<void>
}

/** `req.oidc` without a login. */
export interface OidcAnonymousContext extends ContextBase {
  /** False: nobody is logged in. */
  readonly isAuthenticated: false
  /** Always undefined; see {@link OidcLoginContext.user}. */
  readonly user: undefined
  /** Always undefined; see {@link OidcLoginContext.loginId}. */
  readonly loginId: undefined
}

/** `req.oidc` with a login. */
export interface OidcLoginContext<Claims extends object = OidcUserClaims> extends ContextBase {
  /** True: a user is logged in. */
  readonly isAuthenticated: true
  /** The user's claims, from the ID token and, with `userInfo: true`, from userinfo. */
  readonly user: OidcUser<Claims>
  /**
   * The id of this login, constant until it ends, and also in events. It is not a credential. A job uses it to get the
   * access token: `oidc.logins.accessToken({ id })`.
   */
  readonly loginId: string
}

/**
 * The type of `req.oidc`, a union that `isAuthenticated` discriminates.
 *
 * @example
 * if (req.oidc.isAuthenticated) res.send(req.oidc.user.sub)
 */
export type OidcContext<Claims extends object = OidcUserClaims> = OidcAnonymousContext | OidcLoginContext<Claims>
