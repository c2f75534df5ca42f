import type { IncomingMessage } from 'node:http'
import type { ErrorRequestHandler, Request, RequestHandler } from 'express'
import type { OidcUserClaims, OidcUnknownClaims, OidcUser } from '../config/claims.ts'
import type { OidcRouteOptions } from '../config/options.ts'
import type { OidcLogoutParameters } from '../config/logout-parameters.ts'
import type { OidcLoginParameters } from '../config/login-parameters.ts'
import type { OidcEventName, OidcListener } from '../core/events.ts'
import type { BearerAuth } from '../guard/bearer-auth.ts'
import type { OidcAuthRule } from '../guard/rule.ts'
import type { OidcProviderHealth } from '../provider/provider.ts'
import type { OidcAuthorized, OidcNotAuthorized } from './guards/authorize.ts'
import type { TokenGuards } from './guards/token-guards.ts'
import type { OidcLoginContext, OidcContext } from './context/context.ts'
import type { OidcGuard } from './guards/guarded-request.ts'
import type { OidcLogins } from './logins.ts'

/** The result of {@link Oidc.health}, for readiness probes. */
export interface OidcHealth {
  /** Whether a login can start now, because the provider's metadata is known. */
  readonly ok: boolean
  /** The state of the provider's metadata. */
  readonly provider: OidcProviderHealth
}

/**
 * One instance: logins with one provider. A login is the server-side record of an authenticated session. `Claims` are the
 * claims of the users, in addition to `iss` and `sub`.
 */
export interface Oidc<Claims extends object = OidcUserClaims> extends Pick<
  TokenGuards,
  'requireBearer' | 'auth' | 'verifyToken'
> {
  /**
   * Sets `req.oidc`, and handles the login, callback and logout routes. Mount it after the session middleware, at the path
   * of `baseUrl`.
   * @example app.use(oidc.router)
   */
  readonly router: RequestHandler
  /**
   * The routes' paths as browsers see them, for links.
   * @example const link = `<a href="${oidc.paths.login}">Log in</a>`
   */
  readonly paths: Readonly<Record<keyof OidcRouteOptions, string>>
  /**
   * Guards a session route. Without a login, a navigation is redirected to the provider, a form gets a 401 page, and any
   * other client gets 401 problem+json. If a login does not meet the rule, the response is 403, or a redirect to a step-up
   * login if that can help.
   * @throws OidcError `options_invalid` immediately if the rule is invalid.
   * @example app.get('/admin', oidc.requireAuth({ roles: ['admin'] }), (req, res) => res.send('for administrators'))
   */
  requireAuth(rule?: OidcAuthRule<Claims> & { bearer?: undefined }): OidcGuard<{ oidc: OidcLoginContext }>
  /**
   * Guards a route that also accepts access tokens, if the rule has `bearer`. A request with a token is authorized by the
   * token alone, and has `req.auth`.
   * @throws OidcError `options_invalid` immediately if the rule is invalid.
   * @example app.get('/orders', oidc.requireAuth({ bearer: { audience: 'orders' } }), listOrders)
   */
  requireAuth(rule?: OidcAuthRule<Claims>): OidcGuard<{ oidc: OidcContext | undefined; auth: BearerAuth | undefined }>
  /**
   * Returns the userinfo claims for an access token, after verifying that their subject is `sub`.
   * @throws OidcError `token_invalid` (401 if the provider rejects the token, 502 if the response is invalid),
   * `provider_response_invalid` (502), `client_rejected` (500), `provider_unavailable` (503), `options_invalid`.
   * @see https://openid.net/specs/openid-connect-core-1_0.html#UserInfo
   * @example const { email } = await oidc.userInfo(token, sub)
   */
  userInfo(accessToken: string, sub: string): Promise<OidcUnknownClaims>
  /**
   * Authorizes a request as `requireAuth` does, but sends no response: for WebSocket upgrades, GraphQL contexts and
   * similar. Run the session middleware on the request first. If the rule has `bearer`, a presented access token is
   * evaluated instead of the session. The rule's `check` gets the request unchanged.
   * @throws OidcError `options_invalid` if the rule is invalid.
   * @example const { ok } = await oidc.authorize(req, { roles: ['admin'] })
   */
  authorize(req: IncomingMessage, rule?: OidcAuthRule<Claims>): Promise<OidcAuthorized<Claims> | OidcNotAuthorized>
  /**
   * Returns a handler that starts a login with its own parameters, for example more scope or another prompt.
   * @throws OidcError `options_invalid` immediately if a parameter is invalid.
   * @see https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
   * @example app.get('/other-account', oidc.login({ prompt: 'select_account' }))
   */
  login(parameters?: OidcLoginParameters): RequestHandler
  /**
   * Returns a handler for public pages. Once per browser session, it redirects to the provider with `prompt=none`. If the
   * user is logged in there, the browser returns with a login, and otherwise without one; no page is shown. Forms, scripts
   * and logged-in users pass, as do all requests while the provider is down. Do not use it for pages that search engines
   * should index.
   * @see https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
   * @example app.get('/', oidc.trySilentLogin(), (req, res) => res.send(`Hello ${req.oidc.user?.name ?? 'guest'}`))
   */
  trySilentLogin(): OidcGuard<{ oidc: OidcContext }>
  /**
   * Returns a handler that ends the login, here and at the provider. Use it for POST: with a GET route, a link on any site
   * could log the user out.
   * @throws OidcError `options_invalid` immediately if a parameter is invalid.
   * @see https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout
   * @example app.post('/goodbye', oidc.logout({ returnTo: '/thanks' }))
   */
  logout(parameters?: OidcLogoutParameters): RequestHandler
  /**
   * Returns the user who is logged in with this instance.
   * @throws OidcError `login_required` (401) if nobody is.
   * @example const { sub, email } = oidc.user(req)
   */
  user(req: Request): OidcUser<Claims>
  /**
   * Returns this instance's `req.oidc`. Use it where the types of a handler do not know its guard, as behind
   * `router.use(guard)`, on public pages, and in applications with several instances.
   * @throws OidcError `setup_invalid` (500) if the request has not passed this instance's router.
   * @example const { isAuthenticated } = oidc.context(req)
   */
  context(req: Request): OidcContext<Claims>
  /**
   * Returns an Express error handler for the errors of this package that your handlers throw or pass to `next`, and for
   * failures of `RedisSessionStore`. On a `LoginNeeded` error, it redirects a navigation to the provider for a step-up
   * login. Mount it last.
   * @example app.use(oidc.errorHandler())
   */
  errorHandler(): ErrorRequestHandler
  /**
   * Access to this instance's logins without a request, for background jobs and lists of devices.
   * @example const devices = await oidc.logins.list({ sub: oidc.user(req).sub })
   */
  readonly logins: OidcLogins
  /**
   * Calls `listener` for each event of this name, and returns a function that removes the listener. Every event is also
   * published to `node:diagnostics_channel` as `express-session-oidc:<event>`.
   * @example oidc.on('login_failed', ({ code, detail }) => console.error(code, detail))
   */
  on<Name extends OidcEventName>(event: Name, listener: OidcListener<Name>): () => void
  /**
   * Discovers the provider and fetches its keys now, to find faults at startup. After a failure, a later call or login
   * tries again.
   * @throws OidcError `provider_unavailable` (503), or `provider_misconfigured` (500) if waiting does not help.
   * @example await oidc.ready()
   */
  ready(): Promise<void>
  /**
   * Returns what is known about the provider, without a request to it.
   * @example app.get('/readyz', (req, res) => res.status(oidc.health().ok ? 200 : 503).end())
   */
  health(): OidcHealth
}
