import type { OidcUnknownClaims } from '../../config/claims.ts'
import type { FailureLog } from '../../core/failure-log.ts'

/** Maximum size of a user's claims as JSON, in bytes. Each guarded request reads and parses them. */
const mostBytes = 64 * 1024

/** Claims that are always kept: they identify the user, and their checks limit their size. */
const identity = new Set(['iss', 'sub'])

/**
 * Claims that are kept up to `mostOther` bytes: how the user authenticated, and the hints for a logout. Roles do not depend
 * on the user's claims, since they are read before.
 */
const needed = new Set(['acr', 'auth_time', 'login_hint', 'preferred_username', 'email'])
const mostOther = 1024

/** Maximum number of claims that the warning names. */
const mostNames = 10

/**
 * Returns the claims of a user without the largest ones, so that they have at most 64 kB as JSON, and warns once for each
 * instance.
 *
 * @param json The claims as JSON.
 */
export function limitClaims(user: OidcUnknownClaims, json: string, log: FailureLog): OidcUnknownClaims {
  const whole = Buffer.byteLength(json)
  if (whole <= mostBytes) return user
  const sizes = Object.entries(user)
    .map(([name, value]) => ({ name, bytes: measureMember(name, value) }))
    .filter(({ name, bytes }) => !identity.has(name) && !(needed.has(name) && bytes <= mostOther))
    .toSorted((one, other) => other.bytes - one.bytes)
  const dropped = new Set<string>()
  let left = whole
  for (const { name, bytes } of sizes) {
    if (left <= mostBytes) break
    dropped.add(name)
    left -= bytes
  }
  warnOfDropped([...dropped], whole, log)
  return Object.fromEntries(Object.entries(user).filter(([name]) => !dropped.has(name)))
}

/** Returns the bytes of a member as JSON, with its comma. */
function measureMember(name: string, value: unknown): number {
  // JSON leaves out a function, which an application's `distributedClaims` may return.
  const text = JSON.stringify(value) as string | undefined
  return text === undefined ? 0 : Buffer.byteLength(JSON.stringify(name)) + Buffer.byteLength(text) + 2
}

function warnOfDropped(dropped: readonly string[], bytes: number, log: FailureLog): void {
  const names = dropped.slice(0, mostNames).map((name) => JSON.stringify(name.slice(0, 100)))
  const more = dropped.length > mostNames ? ` and ${dropped.length - mostNames} more` : ''
  log.warnOnce(
    'OIDC_CLAIMS_DROPPED',
    `the user of a login has ${Math.ceil(bytes / 1024)} kB of claims, of which at most ${mostBytes / 1024} kB are stored, so the largest are left out: ` +
      `${names.join(', ')}${more}`,
    'have the provider send fewer or smaller claims in the ID token and userinfo',
  )
}
