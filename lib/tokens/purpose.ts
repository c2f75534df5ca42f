import type { UnknownClaims } from '../config/claims.ts'

/** Types of a JWT (RFC 7515 4.1.9) that an access token may have; many providers say none. */
const headerTypes = ['jwt', 'at+jwt']
/** What Keycloak and others write into a claim `typ` of access tokens. */
const claimTypes = ['bearer', 'dpop', 'jwt', 'at+jwt', 'access_token']

/**
 * Why a token is for another purpose than to be presented to an API (RFC 8725 2.8, 3.11 and 3.12): an ID token, a refresh
 * token, a logout token or a DPoP proof. Undefined where it may be an access token.
 */
export function purposeFault(header: { readonly typ?: unknown }, claims: UnknownClaims): string | undefined {
  const type = typeName(header.typ)
  if (type !== undefined && !headerTypes.includes(type)) return `its typ is ${JSON.stringify(type)}`
  const own = typeName(claims['typ'])
  if (own !== undefined && !claimTypes.includes(own)) return `its claim typ is ${JSON.stringify(own)}`
  if (claims['events'] !== undefined) return 'events is a claim of logout tokens'
  if (claims['htm'] !== undefined || claims['htu'] !== undefined) return 'htm and htu are claims of DPoP proofs'
  // Whoever says so expressly is believed: a hash of itself is no other token's.
  if (type === 'at+jwt') return undefined
  const hash = ['at_hash', 'c_hash', 's_hash'].find((name) => claims[name] !== undefined)
  if (hash !== undefined) return `${hash} is a claim of ID tokens`
  const isScoped = claims['scope'] !== undefined || claims['scp'] !== undefined || own !== undefined
  return isScoped ? undefined : unscopedFault(claims)
}

/** What marks a token that says of no scope: tokens of a provider are alike where one API is its own client. */
function unscopedFault(claims: UnknownClaims): string | undefined {
  if (claims['nonce'] !== undefined) return 'nonce without a scope is that of an ID token'
  if (claims['code'] !== undefined) return 'code is a claim of authorization responses'
  const { aud, azp } = claims
  const isForClient = azp !== undefined && (Array.isArray(aud) ? aud.includes(azp) : aud === azp)
  const login = ['auth_time', 'acr', 'amr'].find((name) => claims[name] !== undefined)
  return isForClient && login !== undefined
    ? `${login} without a scope, for the client itself, is that of an ID token`
    : undefined
}

/** A type as it is compared: without regard to case, and without what a media type may leave out (RFC 7515 4.1.9). */
function typeName(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string') return 'no text'
  return value
    .toLowerCase()
    .replace(/^application\//, '')
    .slice(0, 50)
}
