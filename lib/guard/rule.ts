import type { Request } from 'express'
import type { Checks } from '../config/checks.ts'
import type { OidcUserClaims, OidcUser } from '../config/claims.ts'
import { readAudience } from '../config/resolve-bearer.ts'
import type { AuthenticationRule } from './authentication.ts'
import type { Requirements, CompiledBearerRule } from './requirements.ts'
import { sharedOptions, type RuleKind } from './rule-options.ts'

/**
 * Requirements for a login or an access token, all of which must be met. Setting a requirement to `undefined` is an error
 * (`options_invalid`), so that an unset variable opens no route. With `exactOptionalPropertyTypes` TypeScript rejects it.
 *
 * @example
 * const editors: OidcRule = { roles: 'editor', claims: { email_verified: true } }
 * app.get('/drafts', oidc.requireAuth(editors), list)
 */
export interface OidcRule<Claims extends object = OidcUserClaims> {
  /**
   * Roles that the user must have, all of them: a string for one, or an array.
   *
   * @default none
   * @example app.delete('/orders/:id', oidc.requireAuth({ roles: 'admin' }), remove)
   */
  roles?: string | readonly string[]
  /**
   * Roles of which the user must have one.
   *
   * @default none
   * @example app.get('/reports', oidc.requireAuth({ anyRole: ['admin', 'auditor'] }), list)
   */
  anyRole?: string | readonly string[]
  /**
   * Scope that must have been granted, all of it: a string with spaces, or an array. If some is missing, `requireAuth`
   * redirects a navigation to the provider to request it in addition. If it is still missing then, the response is 403.
   *
   * @default none
   * @see https://www.rfc-editor.org/rfc/rfc6749#section-3.3
   * @example app.get('/calendar', oidc.requireAuth({ scope: 'calendar.read' }), show)
   */
  scope?: string | readonly string[]
  /**
   * Scope of which one word must have been granted: a string with spaces, or an array. If all of it is missing, the
   * response is 403, without a request to the provider.
   *
   * @default none
   * @example app.get('/orders', oidc.requireAuth({ anyScope: 'orders:read orders:write' }), list)
   */
  anyScope?: string | readonly string[]
  /**
   * Claims and the values that they must have: strings, numbers or booleans. An array claim must contain the value.
   *
   * @default none
   * @example app.get('/beta', oidc.requireAuth({ claims: { email_verified: true, groups: 'beta' } }), show)
   */
  claims?: Readonly<Record<string, string | number | boolean>>
  /**
   * Custom requirement, called last. Only `true` passes. If it throws, the response is 500 (`hook_failed`).
   *
   * @default none
   * @example app.get('/users/:sub', oidc.requireAuth({ check: (user, req) => user.sub === req.params.sub }), show)
   */
  check?: (user: OidcUser<Claims>, req: Request) => boolean | Promise<boolean>
}

/**
 * Rule of `requireAuth`, `requireAnyAuth` and `authorize`. The login must meet all requirements.
 *
 * @example app.post('/transfer', oidc.requireAuth({ roles: 'owner', acr: 'gold', maxAuthAgeSeconds: 60 }), transfer)
 */
export interface OidcAuthRule<Claims extends object = OidcUserClaims> extends OidcRule<Claims> {
  /**
   * Authentication context classes (`acr`) of which the login must have one, in order of preference: a string with spaces,
   * or an array. Otherwise a navigation is redirected to the provider to request them (`acr_values`). If the new login has
   * none of them either, the response is 403.
   *
   * @default any
   * @see https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
   * @example app.post('/transfer', oidc.requireAuth({ acr: ['gold', 'silver'] }), transfer)
   */
  acr?: string | readonly string[]
  /**
   * Maximum time since the user last authenticated (`auth_time`), in seconds, from 0 to 31,622,400 (366 days). A navigation
   * of an older login is redirected to the provider to authenticate again (`max_age`). The clock tolerance is not added. To
   * allow for the way back, a login that requested less than a minute is accepted until a minute after `auth_time`.
   *
   * @default any
   * @see https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
   * @example app.post('/transfer', oidc.requireAuth({ maxAuthAgeSeconds: 60 }), transfer)
   */
  maxAuthAgeSeconds?: number
  /**
   * Whether navigations are redirected, to the provider or to `loginPage`. With `false` they get 401 or 403, as other
   * requests do.
   *
   * @default true
   * @example app.use('/api', oidc.requireAuth({ redirect: false }))
   */
  redirect?: boolean | undefined
  /**
   * Accepts access tokens too. A request with a token is evaluated by the token alone, with the same rule, and `check` gets
   * the token's claims. `true` needs `createOidc({ bearer: { audience } })`. With an audience here, the token must have it
   * in `aud`, in addition to that of the options. Not available in `requireAnyAuth`.
   *
   * @default tokens are ignored
   * @see https://www.rfc-editor.org/rfc/rfc6750#section-2.1
   * @example app.get('/profile', oidc.requireAuth({ bearer: { audience: 'orders' } }), show)
   */
  bearer?: true | { readonly audience: string | readonly string[] }
}

/** A validated rule for sessions. */
export interface CompiledRule extends AuthenticationRule {
  /** Requirements that no other login of the same user can meet. */
  readonly permanent: Requirements
  /** Scope that a step-up can request. */
  readonly scope: readonly string[]
  readonly check: Requirements['check']
  readonly redirect: boolean
  /** The rule for access tokens; undefined if they are ignored. */
  readonly bearer: CompiledBearerRule | undefined
}

/** Rules for sessions, with `bearer` for tokens too. */
export const sessionRule: RuleKind<CompiledRule> = {
  known: [...sharedOptions, 'redirect', 'bearer'],
  read(checks, requirements, { hasAudience }) {
    const { scope, check, acr, maxAuthAgeSeconds } = requirements
    return {
      permanent: { ...requirements, scope: [], check: undefined },
      scope,
      acr,
      maxAuthAgeSeconds,
      check,
      redirect: checks.boolean('redirect', true),
      bearer: checks.has('bearer')
        ? { ...requirements, audience: readBearerAudience(checks, hasAudience), optional: false }
        : undefined,
    }
  },
}

function readBearerAudience(checks: Checks, hasAudience: boolean): readonly string[] | undefined {
  const given = checks.value('bearer')
  const read = (inner: Checks): readonly string[] | undefined => {
    const audience = readAudience(inner)
    if (!audience && !hasAudience && inner.faults.length === 0) {
      inner.fault(
        "`audience` is missing; pass `bearer: { audience: 'orders' }`, or `createOidc({ bearer: { audience } })`",
      )
    }
    return audience
  }
  return checks.nested('bearer', ['audience'], read, {
    what: '`bearer`, unless true,',
    given: given === true ? {} : given,
  })
}
