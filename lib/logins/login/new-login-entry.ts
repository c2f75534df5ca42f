import { randomBytes } from 'node:crypto'
import type { OidcUnknownClaims } from '../../config/claims.ts'
import { nowSeconds } from '../../core/clock.ts'
import { recordRequest } from '../../session/step-up-history.ts'
import type { LoginEntry } from '../../store/login-entry.ts'
import type { StartedLogin } from '../../session/login-in-progress.ts'
import { isPastTime } from '../../tokens/claims-checks.ts'
import type { Identity } from './identity.ts'
import type { Instance } from '../instance.ts'

/**
 * Maximum length of `sid` and `acr`. Longer ones are not stored, because each guarded request reads them. No logout token
 * with a longer `sid` is accepted.
 */
const longestText = 1000

/** Creates the entry of a new login. */
export function makeLoginEntry(
  instance: Instance,
  login: StartedLogin,
  identity: Identity,
  codeScope?: readonly string[],
): LoginEntry {
  const { claims, tokens } = identity
  const now = nowSeconds()
  return {
    loginId: randomBytes(16).toString('base64url'),
    owner: instance.owner,
    issuer: claims.iss,
    sub: claims.sub,
    ...(isShortText(claims['sid']) ? { sid: claims['sid'] } : {}),
    ...describeAuthentication(instance, claims),
    user: identity.user,
    roles: identity.roles,
    // With `codeScope` the token covers one API only. The provider issued the code for all of the requested scope.
    scope: codeScope ? [...new Set([...tokens.scope, ...login.scope])] : tokens.scope,
    startedAt: login.startedAt,
    issuedAt: claims.iat,
    checkedAt: now,
    endsAt: now + instance.options.maxLoginSeconds,
    ...(tokens.expiresAt === undefined ? {} : { accessTokenEndsAt: tokens.expiresAt }),
    ...(tokens.refreshToken === undefined ? {} : { refreshable: true }),
    requested: recordRequest(login),
  }
}

/**
 * Reads from an ID token how and when the user authenticated, at a login or a refresh. It leaves out `sid`: a refresh
 * begins no session at the provider, and the groups find the login by its original `sid`.
 */
export function describeAuthentication(
  instance: Instance,
  claims: OidcUnknownClaims,
): Pick<LoginEntry, 'acr' | 'authTime'> {
  const { acr, auth_time: authTime } = claims
  return {
    ...(isShortText(acr) ? { acr } : {}),
    ...(isPastTime(authTime, instance.options.clockToleranceSeconds) ? { authTime } : {}),
  }
}

function isShortText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= longestText
}
