import type { ErrorRequestHandler, Request, RequestHandler } from 'express'
import { optionsInvalid } from '../config/checks.ts'
import type { OidcUserClaims, OidcUser } from '../config/claims.ts'
import { resolveLoginParameters } from '../config/login-parameters.ts'
import { checkLogout } from '../config/logout-parameters.ts'
import type { OidcOptions } from '../config/options.ts'
import type { ResolvedOptions } from '../config/resolve.ts'
import { OidcError, setupInvalid } from '../core/errors.ts'
import { sessionRule, type OidcAuthRule } from '../guard/rule.ts'
import { compileRule } from '../guard/rule-options.ts'
import type { Instance } from '../logins/instance.ts'
import { fetchUserInfoForToken } from '../logins/login/user-info.ts'
import { makeInstanceGuard } from './bearer.ts'
import type { OidcLoginContext, OidcContext } from './context/context.ts'
import { makeContext } from './context/make-context.ts'
import { authorize } from './guards/authorize.ts'
import type { OidcGuard } from './guards/guarded-request.ts'
import { makeSessionGuard } from './guards/require-auth.ts'
import { makeTokenGuards } from './guards/token-guards.ts'
import { answerFault } from './guards/step-up.ts'
import { makeLogins } from './logins.ts'
import { makeInstance } from './make-instance.ts'
import type { Oidc } from './oidc.ts'
import { findEntry, getRequestState } from './request/request-state.ts'
import { answerError } from './response/error-page.ts'
import { reportError } from './response/report-error.ts'
import { loginRequired } from './response/login-required.ts'
import { handler, makeRouter } from './router.ts'
import { startLogin } from './routes/login.ts'
import { startLogout } from './routes/logout.ts'
import { makeSilentLogin } from './routes/silent-login.ts'

/** The instance of each object that `createOidc` has returned. The object itself does not expose it. */
const instances = new WeakMap<object, Instance>()

/**
 * Creates an instance: OpenID Connect logins with one provider, on the application's own session. It does no I/O, except
 * that it reads a metadata file if `issuer` is a `file:` URL. It reads no environment variables.
 * @throws OidcError `options_invalid`, which names every invalid option with its fix.
 * @example
 * const { CLIENT_SECRET: clientSecret, OIDC_SECRET: secret } = process.env
 * const baseUrl = 'https://app.example.com'
 * const oidc = createOidc({ issuer: 'https://id.example.com', clientId: 'web', clientSecret, baseUrl, secret })
 * app.use(oidc.router)
 */
export function createOidc<Claims extends object = OidcUserClaims>(options: OidcOptions<Claims>): Oidc<Claims> {
  const instance = makeInstance(options)
  const { provider, keys, events } = instance
  const oidc: Oidc<Claims> = {
    router: makeRouter(instance),
    paths: listPublicPaths(instance.options),
    ...makeGuards<Claims>(instance),
    ...makeRouteHandlers(instance),
    errorHandler: () => makeErrorHandler(instance),
    user: (req) => requireUser(instance, req) as OidcUser<Claims>,
    context: (req) => requireContext(instance, req) as OidcContext<Claims>,
    userInfo: (accessToken, sub) =>
      fetchUserInfoForToken(instance, accessToken, sub).catch((error: unknown) => {
        throw reportError(instance, error)
      }),
    logins: makeLogins(instance),
    on: (event, listener) => events.on(event, listener),
    async ready() {
      try {
        await provider.ready()
        await keys.current()
      } catch (error) {
        events.log.failure(error)
        throw error
      }
    },
    health() {
      const health = provider.health()
      return { ok: health.discovered, provider: health }
    },
  }
  instances.set(oidc, instance)
  return Object.freeze(oidc)
}

/**
 * Guards a session route: a login with any of several instances passes if it meets the rule, and `req.oidc` is its context.
 * Without a login, a navigation is redirected to the first instance's `loginPage` or provider.
 * @throws TypeError if no instance is given; OidcError `options_invalid` if the rule is invalid or has `bearer`.
 * @example app.get('/', requireAnyAuth([customers, staff]), (req, res) => res.send(req.oidc.provider))
 */
export function requireAnyAuth(
  oidcs: readonly Pick<Oidc<never>, 'router'>[],
  rule?: OidcAuthRule,
): OidcGuard<{ oidc: OidcLoginContext }> {
  const [first, ...others] = oidcs.map((oidc) => instances.get(oidc))
  if (!first || others.includes(undefined)) {
    throw new TypeError('`requireAnyAuth()` requires at least one instance; pass those of `createOidc()`')
  }
  if (rule && Object.hasOwn(rule, 'bearer')) {
    throw optionsInvalid('requireAnyAuth()', [
      '`bearer` applies to one instance only; use its `requireAuth()` or `requireBearer()`',
    ])
  }
  return makeSessionGuard([first, ...(others as Instance[])], compileRule(sessionRule, rule, 'requireAnyAuth()'))
}

/** Returns the paths of the routes as browsers see them. */
function listPublicPaths({ basePath, routes }: ResolvedOptions): Oidc['paths'] {
  return Object.freeze({
    login: basePath + routes.login,
    callback: basePath + routes.callback,
    logout: basePath + routes.logout,
    backchannelLogout: basePath + routes.backchannelLogout,
    frontchannelLogout: basePath + routes.frontchannelLogout,
  })
}

function makeGuards<Claims extends object>(
  instance: Instance,
): Pick<Oidc<Claims>, 'requireAuth' | 'requireBearer' | 'auth' | 'verifyToken' | 'authorize'> {
  const bearer = makeInstanceGuard(instance)
  const hasAudience = instance.options.bearer.audience.length > 0
  return {
    ...makeTokenGuards(bearer, hasAudience),
    requireAuth: (rule?: OidcAuthRule<Claims>) =>
      makeSessionGuard([instance], compileRule(sessionRule, rule, 'requireAuth()', { hasAudience }), bearer),
    // Async, so that an invalid rule also rejects.
    authorize: async (req, rule) =>
      authorize(instance, bearer, compileRule(sessionRule, rule, 'authorize()', { hasAudience }), req as Request),
  }
}

function makeRouteHandlers(instance: Instance): Pick<Oidc, 'login' | 'trySilentLogin' | 'logout'> {
  const { origin } = instance.options
  return {
    login(parameters = {}) {
      const request = resolveLoginParameters(parameters, origin)
      const start = handler(instance, (context) => startLogin(context, request))
      return wrapBehindRouter(instance, start)
    },
    trySilentLogin: () => wrapBehindRouter(instance, makeSilentLogin(instance)),
    logout(parameters = {}) {
      checkLogout(parameters, origin)
      const start = handler(instance, (context) => startLogout(context, parameters))
      return wrapBehindRouter(instance, start)
    },
  }
}

function makeErrorHandler(instance: Instance): ErrorRequestHandler {
  return function oidcErrors(error: unknown, req, res, next): void {
    if (error instanceof OidcError) void answerFault({ instance, req, res, next }, error)
    else next(error)
  }
}

function requireUser(instance: Instance, req: Request): object {
  const entry = findEntry(req, instance)
  if (!entry) throw loginRequired()
  return entry.user
}

function requireContext(instance: Instance, req: Request): OidcContext {
  if (!req.res || !getRequestState(req)?.instances.has(instance)) throw missingRouter(instance)
  return makeContext({ instance, req, res: req.res, next: () => {} })
}

function wrapBehindRouter(instance: Instance, work: RequestHandler): RequestHandler {
  return function oidcRoute(req, res, next): void {
    if (getRequestState(req)?.instances.has(instance)) void work(req, res, next)
    else answerError({ instance, req, res, next }, missingRouter(instance))
  }
}

function missingRouter(instance: Instance): OidcError {
  return setupInvalid(
    `a route was reached before the router of the instance '${instance.options.name}'; put \`app.use(oidc.router)\` before it`,
  )
}
