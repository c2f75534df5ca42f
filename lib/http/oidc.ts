import type { IncomingMessage } from 'node:http'
import type { ErrorRequestHandler, Request, RequestHandler } from 'express'
import type { StandardClaims, UnknownClaims, User } from '../config/claims.ts'
import { resolveLoginParameters } from '../config/login-parameters.ts'
import type { LoginParameters, LogoutParameters, OidcOptions, RouteOptions } from '../config/options.ts'
import { optionsInvalid } from '../config/checks.ts'
import { OidcError, setupInvalid } from '../core/errors.ts'
import type { OidcEventName, OidcListener } from '../core/events.ts'
import type { BearerAuth } from '../guard/bearer-auth.ts'
import type { BearerRule, TokenRule } from '../guard/bearer-rule.ts'
import { compileRule, type AuthRule } from '../guard/rule.ts'
import type { Instance } from '../logins/instance.ts'
import type { ProviderHealth } from '../provider/provider.ts'
import { answerError } from './response/error-page.ts'
import { authorize, type Authorized, type NotAuthorized } from './guards/authorize.ts'
import { bearerOf, guardFunctions } from './bearer.ts'
import type { OidcContext } from './context/context.ts'
import { makeContext } from './context/make-context.ts'
import { startLogin } from './routes/login.ts'
import { loginsOf, type Logins } from './logins.ts'
import { startLogout } from './routes/logout.ts'
import { userInfoForToken } from '../logins/login/user-info.ts'
import { makeInstance } from './make-instance.ts'
import { answerFault } from './guards/step-up.ts'
import { guard } from './guards/require-auth.ts'
import { slotOf, stateOf } from './request/request-state.ts'
import { handler, makeRouter } from './router.ts'
import { silentLogin } from './routes/silent-login.ts'
import { loginRequired } from './response/login-required.ts'
import { checkLogout } from '../config/logout-parameters.ts'

/** What a readiness probe is told. */
export interface OidcHealth {
  /** Whether a login could begin now. */
  readonly ok: boolean
  readonly provider: ProviderHealth
}

/** An instance: logins with one provider. */
export interface Oidc<Claims extends object = StandardClaims> {
  /** The login, callback and logout routes, and `req.oidc` on every request behind it. Mount it where `baseUrl` points, after the session. */
  readonly router: RequestHandler
  /** Paths of the routes as browsers see them, for links. */
  readonly paths: Readonly<Record<keyof RouteOptions, string>>
  /**
   * Guards a session route. Not logged in: a navigation goes to the provider, a form gets a 401 page, a client 401
   * problem+json. Logged in, but the rule is not met: 403.
   *
   * @throws OidcError `options_invalid` where the rule is wrong, at once.
   */
  requireAuth(rule?: AuthRule<Claims>): RequestHandler
  /**
   * Guards an API route: a request with an access token of this issuer that is good and meets the rule goes on, with
   * `req.auth`; any other is answered as RFC 6750 has it, with a JSON body. The session is not looked at.
   *
   * @throws OidcError `options_invalid` where the rule is wrong, at once.
   */
  requireBearer<Token extends object = UnknownClaims>(rule?: BearerRule<Token>): RequestHandler
  /**
   * Verifies an access token that came some other way. One that is bound to a key is refused, since nothing proves the key.
   *
   * @throws OidcError `token_invalid` (401), `not_allowed` (403), `authentication_insufficient` (401),
   * `provider_unavailable` (503); `options_invalid` where the rule is wrong.
   */
  verifyToken<Token extends object = UnknownClaims>(token: string, rule?: TokenRule): Promise<BearerAuth<Token>>
  /**
   * What the userinfo endpoint says of the user of an access token (OIDC Core 5.3), verified: that it is `sub`, too.
   *
   * @throws OidcError `token_invalid` (401) where the provider does not accept the token, (502) where the answer is not good;
   * `provider_response_invalid` (502), `provider_unavailable` (503).
   */
  userInfo(accessToken: string, sub: string): Promise<UnknownClaims>
  /**
   * The guards as a function, for WebSocket upgrades, GraphQL contexts and the like: judges a request by its session, or
   * with `bearer` in the rule by the access token that it presents; answers nothing. The session must have been run on
   * the request. A `check` of the rule gets the request as it is.
   *
   * @throws OidcError `options_invalid` where the rule is wrong.
   */
  authorize(req: IncomingMessage, rule?: AuthRule<Claims>): Promise<Authorized<Claims> | NotAuthorized>
  /**
   * A handler that begins a login with parameters of its own: more scope, another prompt.
   *
   * @throws OidcError `options_invalid` where a parameter is wrong, at once.
   */
  login(parameters?: LoginParameters): RequestHandler
  /**
   * A handler for pages that are open to all: asks the provider once in a browser session, without a page of its own
   * (`prompt=none`), whether somebody is logged in there, and comes back to the page, with a login or without. Forms,
   * scripts and whoever is logged in go on at once, and so does everybody while the provider is down. Not for pages that
   * search engines are to find: to them it is a redirect.
   */
  trySilentLogin(): RequestHandler
  /**
   * A handler that ends the login, here and at the provider. For routes of POST: whatever page sends a browser to a GET
   * of it logs that user out.
   *
   * @throws OidcError `options_invalid` where a parameter is wrong, at once.
   */
  logout(parameters?: LogoutParameters): RequestHandler
  /**
   * The user of this instance.
   *
   * @throws OidcError `login_required` (401) where there is none.
   */
  user(req: Request): User<Claims>
  /**
   * `req.oidc` of this instance, where several are in use.
   *
   * @throws OidcError `setup_invalid` where the request has not passed this instance's router.
   */
  context(req: Request): OidcContext<Claims>
  /**
   * Answers errors of this package that handlers of the application pass on, and faults of the session store. Where one
   * says that more is needed of the login (`LoginNeeded`), a navigation goes to the provider to ask for it. Last in the
   * application.
   */
  errorHandler(): ErrorRequestHandler
  /** The logins of this instance without a request, for jobs. */
  readonly logins: Logins
  /** Calls `listener` at each such event; returns what takes it off again. The same events go to `node:diagnostics_channel` as `express-session-oidc:<event>`. */
  on<Name extends OidcEventName>(event: Name, listener: OidcListener<Name>): () => void
  /**
   * Discovers the provider and fetches its keys now, for those who want to know at start.
   *
   * @throws OidcError `provider_unavailable`; a later call or login tries again.
   */
  ready(): Promise<void>
  /** What is known of the provider, without asking it. */
  health(): OidcHealth
}

const instances = new WeakMap<object, Instance>()

/**
 * Makes an instance: OpenID Connect logins with one provider, on the session that the application has. Does no I/O
 * beyond reading a metadata file that it is given, and reads no environment.
 *
 * @throws OidcError `options_invalid` that names every wrong option with its fix.
 */
export function createOidc<Claims extends object = StandardClaims>(options: OidcOptions<Claims>): Oidc<Claims> {
  const instance = makeInstance(options)
  const { basePath, routes, origin } = instance.options
  const bearer = bearerOf(instance)
  const settings = { hasAudience: instance.options.bearer.audience.length > 0 }
  const tokens = guardFunctions(bearer, settings.hasAudience)
  const oidc: Oidc<Claims> = {
    router: makeRouter(instance),
    paths: Object.freeze({
      login: basePath + routes.login,
      callback: basePath + routes.callback,
      logout: basePath + routes.logout,
      backchannelLogout: basePath + routes.backchannelLogout,
      frontchannelLogout: basePath + routes.frontchannelLogout,
    }),
    requireAuth: (rule) => guard([instance], compileRule(rule, 'requireAuth()', settings), bearer),
    requireBearer: tokens.requireBearer,
    verifyToken: tokens.verifyToken,
    userInfo: (accessToken, sub) => userInfoForToken(instance, accessToken, sub),
    // Async, so that a rule that is wrong is a rejection too.
    authorize: async (req, rule) =>
      authorize(instance, bearer, compileRule(rule, 'authorize()', settings), req as Request),
    login(parameters = {}) {
      const request = resolveLoginParameters(parameters, origin)
      return behindRouter(
        instance,
        handler(instance, (exchange) => startLogin(exchange, request)),
      )
    },
    trySilentLogin: () => behindRouter(instance, silentLogin(instance)),
    logout(parameters = {}) {
      checkLogout(parameters, origin)
      return behindRouter(
        instance,
        handler(instance, (exchange) => startLogout(exchange, parameters)),
      )
    },
    user(req) {
      const slot = slotOf(req, instance)
      if (!slot) throw loginRequired()
      return slot.user as User<Claims>
    },
    context(req) {
      if (!req.res || !stateOf(req)?.instances.has(instance)) throw missingRouter(instance)
      return makeContext({ instance, req, res: req.res, next: () => {} }) as OidcContext<Claims>
    },
    errorHandler: () =>
      function oidcErrors(error: unknown, req, res, next): void {
        if (error instanceof OidcError) void answerFault({ instance, req, res, next }, error)
        else next(error)
      },
    logins: loginsOf(instance),
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
 * Guards a session route that a login with any of several instances may open; `req.oidc` is that of the one that did.
 * Who is not logged in with any goes to the `loginPage` or the provider of the first.
 *
 * @throws TypeError where no instance is given; OidcError `options_invalid` where the rule is wrong.
 */
export function requireAnyAuth(given: readonly Pick<Oidc<never>, 'router'>[], rule?: AuthRule): RequestHandler {
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

function behindRouter(instance: Instance, work: RequestHandler): RequestHandler {
  return function oidcRoute(req, res, next): void {
    if (stateOf(req)?.instances.has(instance)) void work(req, res, next)
    else answerError({ instance, req, res, next }, missingRouter(instance))
  }
}

function missingRouter(instance: Instance): OidcError {
  return setupInvalid(
    `a route was reached before the router of the instance '${instance.options.name}': app.use(oidc.router) must come before it`,
  )
}
