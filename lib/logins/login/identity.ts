import type { OidcTokenSet, OidcUnknownClaims } from '../../config/claims.ts'
import { nowSeconds } from '../../core/clock.ts'
import type { FailureLog } from '../../core/failure-log.ts'
import type { LoginTokens } from '../../provider/authorization-code.ts'
import type { PresentedToken } from '../../provider/protected-resource.ts'
import type { IssuedTokens, DpopHandle } from '../../provider/token-response.ts'
import type { AccessToken } from '../../store/tokens.ts'
import { tokenInvalid } from '../../tokens/token-rejected.ts'
import { verifyIdToken, type IdTokenClaims } from '../../tokens/id-token.ts'
import { addDistributedClaims } from '../../tokens/issuer-checks.ts'
import { makeClientTokenChecks } from '../client-token-checks.ts'
import type { Instance } from '../instance.ts'
import { limitClaims } from './limit-claims.ts'
import { fetchVerifiedUserInfo } from './user-info.ts'
import { readUserRoles } from './user-roles.ts'
import { parseScope } from '../../core/scope.ts'

/** A user whose ID token was verified, with the user's roles. */
interface IdentifiedUser {
  readonly claims: IdTokenClaims
  readonly user: OidcUnknownClaims
  readonly roles: readonly string[]
}

/** A user with the tokens of the login. */
export interface Identity extends IdentifiedUser {
  readonly tokens: OidcTokenSet
}

/** Claims that describe the ID token rather than the user. */
const aboutToken = new Set([
  'aud',
  'exp',
  'iat',
  'nbf',
  'nonce',
  'azp',
  'at_hash',
  'c_hash',
  's_hash',
  'jti',
  'typ',
  'sid',
  // Not a claim: copying it would set the prototype of the user.
  '__proto__',
])

/**
 * Verifies the token response of a login and identifies its user (OIDC Core, section 3.1.3.7).
 *
 * @throws OidcError `token_invalid`, `login_refused`, `hook_failed`, and any error of a request to the provider
 */
export async function identify(
  instance: Instance,
  response: LoginTokens,
  requested: { readonly nonce: string; readonly scope: readonly string[]; readonly dpop: DpopHandle | undefined },
): Promise<Identity> {
  const verified = await verifyIdToken(response.idToken, instance.keys, {
    ...(await makeClientTokenChecks(instance)),
    nonce: requested.nonce,
  })
  const { accessToken } = response
  const identified = await identifyUser(instance, { accessToken, dpop: requested.dpop }, verified)
  return {
    ...identified,
    tokens: {
      ...readAccessToken(response, requested.scope),
      refreshToken: response.refreshToken,
      idToken: response.idToken,
    },
  }
}

/**
 * Determines user and roles from the claims of a verified ID token and from the sources that the options add: distributed
 * claims, userinfo and the login's own access token.
 *
 * @throws OidcError `token_invalid`, `hook_failed`, and any error of a request to the provider
 */
export async function identifyUser(
  instance: Instance,
  presented: PresentedToken,
  verified: IdTokenClaims,
): Promise<IdentifiedUser> {
  const { options } = instance
  const claims = options.rules ? await addDistributedClaims(verified, options.rules, presented.accessToken) : verified
  const info = options.userInfo ? await fetchVerifiedUserInfo(instance, presented, claims) : undefined
  const user = makeUser({ ...info, ...claims }, instance.events.log)
  return { claims, user, roles: await readUserRoles(instance, presented, claims, info) }
}

/** Reads the access token of a token response. An omitted `scope` means the requested one (RFC 6749, section 5.1). */
export function readAccessToken(response: IssuedTokens, requested: readonly string[]): AccessToken {
  const now = nowSeconds()
  return {
    accessToken: response.accessToken,
    tokenType: response.tokenType,
    obtainedAt: now,
    expiresAt: response.expiresIn === undefined ? undefined : now + Math.floor(response.expiresIn),
    scope: response.scope === undefined ? requested : (parseScope(response.scope) ?? []),
  }
}

/**
 * Selects the claims that describe the user, and limits their size.
 *
 * @throws OidcError `token_invalid` if the claims cannot be stored
 */
function makeUser(claims: OidcUnknownClaims, log: FailureLog): OidcUnknownClaims {
  const user = Object.fromEntries(
    Object.entries(claims).filter(([name, value]) => !aboutToken.has(name) && value !== undefined),
  )
  const json = writeClaims(user)
  if (json === undefined || isDeeper(user, deepest)) {
    throw tokenInvalid('claims', 'the nesting is too deep to be stored')
  }
  return limitClaims(user, json, log)
}

/**
 * Maximum nesting of objects and arrays in claims. `JSON.stringify` recurses, and its maximum depth depends on the stack at
 * that moment. A fixed limit far below it decides before anything is written.
 */
const deepest = 2000

/** Also undefined for values that JSON cannot represent: an application's `distributedClaims` may return a cycle. */
function writeClaims(claims: OidcUnknownClaims): string | undefined {
  try {
    return JSON.stringify(claims)
  } catch {
    return undefined
  }
}

function isDeeper(value: object, levels: number): boolean {
  let objects = [value]
  for (let level = 0; level < levels; level++) {
    if (objects.length === 0) return false
    objects = objects
      .flatMap((object) => Object.values(object) as unknown[])
      .filter((inner): inner is object => inner !== null && typeof inner === 'object')
  }
  return objects.length > 0
}
