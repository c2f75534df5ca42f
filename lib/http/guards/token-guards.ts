import type { IncomingMessage } from 'node:http'
import type { Request } from 'express'
import { setupInvalid } from '../../core/errors.ts'
import type { BearerAuth } from '../../guard/bearer-auth.ts'
import { tokenRule, type BearerRule, type BearerTokenRule } from '../../guard/bearer-rule.ts'
import type { CompiledBearerRule } from '../../guard/requirements.ts'
import { compileRule } from '../../guard/rule-options.ts'
import { authorizeToken, verifyGivenToken } from './authorize-token.ts'
import { toNotAuthorized, type OidcNotAuthorized } from './authorize.ts'
import type { BearerGuard } from './bearer-guard.ts'
import type { OidcGuard } from './guarded-request.ts'
import { reportRefusal, requireToken } from './require-bearer.ts'

/** The guards and checks of a {@link Bearer}. */
export interface TokenGuards {
  /**
   * Guards a route. A request with a valid access token that meets the rule passes, with `req.auth`. Any other request
   * gets a response according to RFC 6750, with a JSON body. Sessions are ignored.
   *
   * @throws OidcError `options_invalid` immediately if the rule is invalid.
   * @see https://www.rfc-editor.org/rfc/rfc6750#section-3
   * @example
   * app.get('/orders', api.requireBearer({ scope: 'orders:read' }), (req, res) => res.json(req.auth.claims))
   */
  requireBearer<Claims extends object = object>(
    rule?: BearerRule<Claims> & { optional?: false | undefined },
  ): OidcGuard<{ auth: BearerAuth<Claims> }>
  /**
   * Guards a route that also accepts requests without a token, if the rule has `optional: true`. Those have no `req.auth`.
   *
   * @throws OidcError `options_invalid` immediately if the rule is invalid.
   * @example
   * app.get('/catalog', api.requireBearer({ optional: true }), (req, res) => res.json({ sub: req.auth?.sub }))
   */
  requireBearer<Claims extends object = object>(
    rule?: BearerRule<Claims>,
  ): OidcGuard<{ auth: BearerAuth<Claims> | undefined }>
  /**
   * Returns `req.auth`, for handlers whose types do not know the guard before them, as behind `router.use(guard)`.
   *
   * @throws OidcError `setup_invalid` (500) if no guard has verified an access token of the request.
   * @example
   * const { sub } = api.auth(req)
   */
  auth<Claims extends object = object>(req: Request): BearerAuth<Claims>
  /**
   * Authorizes a request as `requireBearer` does, but sends no response: for example for WebSocket upgrades. The
   * request is one of Express or of Node, and the rule's `check` gets it unchanged.
   *
   * @throws OidcError `options_invalid` if the rule is invalid.
   * @example
   * const { ok } = await api.authorize(req, { scope: 'orders:read' })
   */
  authorize<Claims extends object = object>(
    req: IncomingMessage,
    rule?: BearerRule<Claims>,
  ): Promise<{ readonly ok: true; readonly auth: BearerAuth | undefined } | OidcNotAuthorized>
  /**
   * Verifies an access token that did not arrive in a request. A token that is bound to a key is rejected, because nothing
   * proves possession of the key.
   *
   * @throws BearerError `token_invalid` (401), `not_allowed` (403), `authentication_insufficient` (401); OidcError
   * `provider_unavailable` (503), `client_rejected` (500), `provider_response_invalid` (502), `hook_failed` (500);
   * `options_invalid` if the rule is invalid.
   * @example
   * const { sub } = await api.verifyToken(token, { scope: 'orders:read' })
   */
  verifyToken<Claims extends object = object>(token: string, rule?: BearerTokenRule): Promise<BearerAuth<Claims>>
}

/** Returns the functions that `createBearer` and `createOidc` have in common. */
export function makeTokenGuards(guard: BearerGuard, hasAudience: boolean): TokenGuards {
  const compile = (rule: unknown, what: string): CompiledBearerRule =>
    compileRule(tokenRule, rule, what, { hasAudience })
  return {
    requireBearer: (rule?: unknown) => requireToken(guard, compile(rule, 'requireBearer()')),
    auth(req) {
      if (req.auth) return req.auth as never
      throw setupInvalid(
        'no access token of this request was verified; put `requireBearer()` before the handler, and test `req.auth` if the rule is optional',
      )
    },
    async authorize(req, rule) {
      const compiledRule = compile(rule, 'authorize()')
      try {
        return { ok: true, auth: await authorizeToken(guard, compiledRule, req as Request) }
      } catch (error) {
        return toNotAuthorized(reportRefusal(guard.policy, error))
      }
    },
    async verifyToken(token, rule) {
      const compiledRule = compile(rule, 'verifyToken()')
      try {
        return (await verifyGivenToken(guard.policy, compiledRule, token)) as never
      } catch (error) {
        throw reportRefusal(guard.policy, error)
      }
    },
  }
}
