import type { Request } from 'express'
import type { OidcUnknownClaims } from '../config/claims.ts'
import { readAudience } from '../config/resolve-bearer.ts'
import { type OidcRule } from './rule.ts'
import { sharedOptions, type RuleKind } from './rule-options.ts'
import type { CompiledBearerRule } from './requirements.ts'

/**
 * Rule of `verifyToken`. The access token must meet all requirements.
 *
 * @example const { sub } = await api.verifyToken(token, { scope: 'orders:read' })
 */
export interface BearerTokenRule extends Pick<OidcRule, 'roles' | 'anyRole' | 'scope' | 'anyScope' | 'claims'> {
  /**
   * Audience that the token must have in `aud`: a string, or a list, one of which is enough. It is required if the options
   * have no `audience`. If they have one, the token must match both.
   *
   * @default the `audience` of the options
   * @see https://www.rfc-editor.org/rfc/rfc8725#section-3.9
   * @example app.get('/orders', oidc.requireBearer({ audience: 'orders' }), list)
   */
  audience?: string | readonly string[]
  /**
   * Authentication context classes (`acr`) of which the token must have one, in order of preference: a string with spaces,
   * or an array. Otherwise the response is a 401 whose challenge requests one of them (`acr_values`).
   *
   * @default any
   * @see https://www.rfc-editor.org/rfc/rfc9470#section-3
   * @example app.post('/payouts', api.requireBearer({ acr: 'gold' }), payOut)
   */
  acr?: string | readonly string[]
  /**
   * Maximum time since the user last authenticated (`auth_time`), in seconds, from 0 to 31,622,400 (366 days). If it was
   * longer ago, the response is a 401 whose challenge requests a new one (`max_age`). The clock tolerance is not added, so
   * allow at least 60 seconds, in which clients log in and send the token.
   *
   * @default any
   * @see https://www.rfc-editor.org/rfc/rfc9470#section-3
   * @example app.post('/payouts', api.requireBearer({ maxAuthAgeSeconds: 300 }), payOut)
   */
  maxAuthAgeSeconds?: number
}

/**
 * Rule of `requireBearer`, and of `authorize` of `createBearer()`. The access token must meet all requirements.
 *
 * @example app.delete('/orders/:id', api.requireBearer({ roles: 'admin', scope: 'orders:write' }), remove)
 */
export interface BearerRule<Claims extends object = object> extends BearerTokenRule {
  /**
   * Custom requirement, called last. Only `true` passes. If it throws, the response is 500 (`hook_failed`).
   *
   * @default none
   * @example app.get('/:tenant', api.requireBearer({ check: ({ tenant }, req) => tenant === req.params.tenant }), show)
   */
  check?: (claims: OidcUnknownClaims & Claims, req: Request) => boolean | Promise<boolean>
  /**
   * Whether requests without a token pass, without `req.auth`. An invalid token is still refused.
   *
   * @default false
   * @example app.get('/catalog', api.requireBearer({ optional: true }), list)
   */
  optional?: boolean | undefined
}

/** Rules for access tokens. */
export const tokenRule: RuleKind<CompiledBearerRule> = {
  known: [...sharedOptions, 'audience', 'optional'],
  read(checks, requirements, { hasAudience }) {
    const audience = readAudience(checks)
    if (!hasAudience && !checks.has('audience')) {
      checks.fault(
        '`audience` is missing; pass the `aud` of the tokens here or to `createOidc({ bearer: { audience } })` (RFC 8725 3.9)',
      )
    }
    return { ...requirements, audience, optional: checks.boolean('optional', false) }
  },
}
