import type { IncomingMessage } from 'node:http'
import type { ErrorRequestHandler, Request, RequestHandler } from 'express'
import type { OidcUserClaims, OidcUnknownClaims, OidcUser } from '../config/claims.ts'
import { resolveLoginParameters } from '../config/login-parameters.ts'
import type { OidcLoginParameters, OidcLogoutParameters, OidcOptions, OidcRouteOptions } from '../config/options.ts'
import { optionsInvalid } from '../config/checks.ts'
import { OidcError } from '../core/errors.ts'
import type { OidcEventName, OidcListener } from '../core/events.ts'
import type { BearerAuth } from '../guard/bearer-auth.ts'
import { compileRule, type OidcAuthRule } from '../guard/rule.ts'
import type { Instance } from '../logins/instance.ts'
import type { OidcProviderHealth } from '../provider/provider.ts'
import { authorize, type OidcAuthorized, type OidcNotAuthorized } from './guards/authorize.ts'
import { makeInstanceGuard } from './bearer.ts'
import { makeTokenGuards, type TokenGuards } from './guards/token-guards.ts'
import type { OidcLoginContext, OidcContext } from './context/context.ts'
import { makeContext } from './context/make-context.ts'
import { startLogin } from './routes/login.ts'
import { makeLogins, type OidcLogins } from './logins.ts'
import { startLogout } from './routes/logout.ts'
import { userInfoForToken } from '../logins/login/user-info.ts'
import { makeInstance } from './make-instance.ts'
import { answerFault } from './guards/step-up.ts'
import { guard } from './guards/require-auth.ts'
import type { OidcGuard } from './guards/guarded-request.ts'
import { findEntry, getRequestState } from './request/request-state.ts'
import { behindRouter, handler, makeRouter, missingRouter } from './router.ts'
import { silentLogin } from './routes/silent-login.ts'
import { loginRequired } from './response/login-required.ts'
import { checkLogout } from '../config/logout-parameters.ts'

/** The result of {@link Oidc.health}, for readiness probes. */
export interface OidcHealth {
  /** Whether a login can start now, because the provider's metadata are known. */
  readonly ok: boolean
  /** The state of the provider's metadata. */
  readonly provider: OidcProviderHealth
}

/** One instance: logins with one provider. `Claims` are the claims of its users, in addition to `iss` and `sub`. */
export interface Oidc<Claims extends object = OidcUserClaims> extends Pick<
  TokenGuards,
  'requireBearer' | 'auth' | 'verifyToken'
> {
  /** Sets `req.oidc`, and answers login, callback and logout routes. Mount it after the session, where `baseUrl` points. */
  readonly router: RequestHandler
  /** The routes' paths as browsers see them, for links. */
  readonly paths: Readonly<Record<keyof OidcRouteOptions, string>>
  /**
   * Guards a session route. Without a login, a navigation is redirected to the provider, a form gets a 401 page, and any
   * other client gets 401 problem+json. A login that does not meet the rule gets 403, or a step-up login if that can help.
   * @throws OidcError `options_invalid` immediately if the rule is invalid.
   * @example app.get('/admin', oidc.requireAuth({ roles: ['admin'] }), (req, res) => res.send('for administrators'))
   */
  requireAuth(rule?: OidcAuthRule<Claims> & { bearer?: undefined }): OidcGuard<{ oidc: OidcLoginContext }>
  /** With `bearer`, a valid access token passes too, with `req.auth`. */
  requireAuth(rule?: OidcAuthRule<Claims>): OidcGuard<{ oidc: OidcContext | undefined; auth: BearerAuth | undefined }>
  /**
   * Returns the userinfo claims for an access token (OIDC Core, section 5.3), after verifying that their subject is `sub`.
   * @throws OidcError `token_invalid` (401 if the provider rejects the token, 502 if the response is invalid),
   * `provider_response_invalid` (502), `client_rejected` (500), `provider_unavailable` (503), `options_invalid`.
   * @example const { email } = await oidc.userInfo(token, sub)
   */
  userInfo(accessToken: string, sub: string): Promise<OidcUnknownClaims>
  /**
   * Authorizes a request as `requireAuth` does, but sends no response: for WebSocket upgrades, GraphQL contexts and the
   * like. Run the session middleware on the request first. If the rule has `bearer`, a presented access token is evaluated
   * instead of the session. The rule's `check` gets the request unchanged.
   * @throws OidcError `options_invalid` if the rule is invalid.
   * @example const { ok } = await oidc.authorize(req, { roles: ['admin'] })
   */
  authorize(req: IncomingMessage, rule?: OidcAuthRule<Claims>): Promise<OidcAuthorized<Claims> | OidcNotAuthorized>
  /**
   * Returns a handler that starts a login with its own parameters, for example more scope or another prompt.
   * @throws OidcError `options_invalid` immediately if a parameter is invalid.
   * @example app.get('/other-account', oidc.login({ prompt: 'select_account' }))
   */
  login(parameters?: OidcLoginParameters): RequestHandler
  /**
   * Returns a handler for public pages. Once per browser session, it asks the provider if the user is logged in there,
   * without showing a page (`prompt=none`), and comes back with or without a login. Forms, scripts and logged-in users
   * pass, as do all requests while the provider is down. Do not use it where search engines should find the page.
   * @example app.get('/', oidc.trySilentLogin(), (req, res) => res.send(`Hello ${req.oidc.user?.name ?? 'guest'}`))
   */
  trySilentLogin(): OidcGuard<{ oidc: OidcContext }>
  /**
   * Returns a handler that ends the login, here and at the provider. Use it for POST: any page could log the user out by
   * a link to a GET route.
   * @throws OidcError `options_invalid` immediately if a parameter is invalid.
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
   * Returns this instance's `req.oidc`: where the types of a handler do not know its guard, as behind `router.use(guard)`,
   * in public pages, and in applications with several instances.
   * @throws OidcError `setup_invalid` (500) if the request has not passed this instance's router.
   * @example const { isAuthenticated } = oidc.context(req)
   */
  context(req: Request): OidcContext<Claims>
  /**
   * Returns an error handler for errors of this package that your handlers pass on, and for faults of `RedisSessionStore`.
   * On a `LoginNeeded` error it redirects a navigation to the provider for a step-up login. Mount it last.
   * @example app.use(oidc.errorHandler())
   */
  errorHandler(): ErrorRequestHandler
  /** This instance's logins without a request, for jobs and lists of devices. */
  readonly logins: OidcLogins
  /**
   * Calls `listener` for each event of this name, and returns a function that removes the listener. Every event is also
   * published to `node:diagnostics_channel` as `express-session-oidc:<event>`.
   * @example oidc.on('login_failed', ({ code, detail }) => console.error(code, detail))
   */
  on<Name extends OidcEventName>(event: Name, listener: OidcListener<Name>): () => void
  /**
   * Discovers the provider and fetches its keys now, to find faults at startup. A later call or login tries again.
   * @throws OidcError `provider_unavailable` (503), or `provider_response_invalid` (502) if the metadata cannot be used.
   * @example await oidc.ready()
   */
  ready(): Promise<void>
  /**
   * Returns what is known about the provider, without a request to it.
   * @example app.get('/readyz', (req, res) => res.status(oidc.health().ok ? 200 : 503).end())
   */
  health(): OidcHealth
}

const instances = new WeakMap<object, Instance>()

/**
 * Creates an instance: OpenID Connect logins with one provider, on the application's own session. It does no I/O, except
 * that it reads a metadata file if `issuer` is a `file:` URL. It reads no environment variables.
 * @throws OidcError `options_invalid` that names every invalid option with its fix.
 * @example
 * const { CLIENT_SECRET: clientSecret, OIDC_SECRET: secret } = process.env
 * const baseUrl = 'https://app.example.com'
 * const oidc = createOidc({ issuer: 'https://id.example.com', clientId: 'web', clientSecret, baseUrl, secret })
 * app.use(oidc.router)
 */
export function createOidc<Claims extends object = OidcUserClaims>(options: OidcOptions<Claims>): Oidc<Claims> {
  const instance = makeInstance(options)
  const { basePath, routes, origin } = instance.options
  const bearer = makeInstanceGuard(instance)
  const settings = { hasAudience: instance.options.bearer.audience.length > 0 }
  const oidc: Oidc<Claims> = {
    router: makeRouter(instance),
    paths: Object.freeze({
      login: basePath + routes.login,
      callback: basePath + routes.callback,
      logout: basePath + routes.logout,
      backchannelLogout: basePath + routes.backchannelLogout,
      frontchannelLogout: basePath + routes.frontchannelLogout,
    }),
    ...makeTokenGuards(bearer, settings.hasAudience),
    requireAuth: (rule?: OidcAuthRule<Claims>) =>
      guard([instance], compileRule(rule, 'requireAuth()', settings), bearer),
    userInfo: (accessToken, sub) => userInfoForToken(instance, accessToken, sub),
    // Async, so that an invalid rule also rejects.
    authorize: async (req, rule) =>
      authorize(instance, bearer, compileRule(rule, 'authorize()', settings), req as Request),
    login(parameters = {}) {
      const request = resolveLoginParameters(parameters, origin)
      return behindRouter(
        instance,
        handler(instance, (handler) => startLogin(handler, request)),
      )
    },
    trySilentLogin: () => behindRouter(instance, silentLogin(instance)),
    logout(parameters = {}) {
      checkLogout(parameters, origin)
      return behindRouter(
        instance,
        handler(instance, (handler) => startLogout(handler, parameters)),
      )
    },
    user(req) {
      const entry = findEntry(req, instance)
      if (!entry) throw loginRequired()
      return entry.user as OidcUser<Claims>
    },
    context(req) {
      if (!req.res || !getRequestState(req)?.instances.has(instance)) throw missingRouter(instance)
      return makeContext({ instance, req, res: req.res, next: () => {} }) as OidcContext<Claims>
    },
    errorHandler: () =>
      function oidcErrors(error: unknown, req, res, next): void {
        if (error instanceof OidcError) void answerFault({ instance, req, res, next }, error)
        else next(error)
      },
    logins: makeLogins(instance),
    on: (event, listener) => instance.events.on(event, listener),
    async ready() {
      await instance.provider.ready()
      await instance.keys.current()
    },
    health() {
      const provider = instance.provider.health()
      return { ok: provider.discovered, provider }
    },
  }
  instances.set(oidc, instance)
  return Object.freeze(oidc)
}

/**
 * Guards a session route for logins of any of several instances; `req.oidc` is the context of the login that meets the
 * rule. Without a login, a navigation is redirected to the first instance's `loginPage` or provider.
 * @throws TypeError if no instance is given; OidcError `options_invalid` if the rule is invalid or has `bearer`.
 * @example app.get('/', requireAnyAuth([customers, staff]), (req, res) => res.send(req.oidc.provider))
 */
export function requireAnyAuth(
  given: readonly Pick<Oidc<never>, 'router'>[],
  rule?: OidcAuthRule,
): OidcGuard<{ oidc: OidcLoginContext }> {
  const list = given.map((oidc) => instances.get(oidc))
  const [first, ...others] = list
  if (!first || others.includes(undefined)) {
    throw new TypeError('requireAnyAuth: pass an array of at least one instance made by createOidc()')
  }
  if (rule && Object.hasOwn(rule, 'bearer')) {
    throw optionsInvalid('requireAnyAuth()', [
      'bearer: tokens are judged by one instance: use its requireAuth() or requireBearer()',
    ])
  }
  return guard([first, ...(others as Instance[])], compileRule(rule, 'requireAnyAuth()'))
}
