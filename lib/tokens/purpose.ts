import type { OidcUnknownClaims } from '../config/claims.ts'

/** Accepted types in the header of an access token (RFC 7515, section 4.1.9). Many providers set none. */
const headerTypes = ['jwt', 'at+jwt']
/** Values of the claim `typ` in access tokens of Keycloak and other providers. */
const claimTypes = ['bearer', 'dpop', 'jwt', 'at+jwt', 'access_token']

/**
 * Returns why a token is not an access token, but an ID token, a refresh token, a logout token or a DPoP proof (RFC 8725,
 * sections 2.8, 3.11 and 3.12). Undefined if it may be an access token.
 */
export function findPurposeFault(header: { readonly typ?: unknown }, claims: OidcUnknownClaims): string | undefined {
  const type = normalizeType(header.typ)
  if (type !== undefined && !headerTypes.includes(type))
    return `the header typ is ${JSON.stringify(type)}, not that of an access token`
  const own = normalizeType(claims['typ'])
  if (own !== undefined && !claimTypes.includes(own))
    return `the claim typ is ${JSON.stringify(own)}, not that of an access token`
  if (claims['events'] !== undefined) return 'events is a claim of logout tokens'
  if (claims['htm'] !== undefined || claims['htu'] !== undefined) return 'htm and htu are claims of DPoP proofs'
  // This explicit type is decisive: the claims below mark ID tokens only in its absence.
  if (type === 'at+jwt') return undefined
  const hash = findHashClaim(claims)
  if (hash !== undefined) return `${hash} is a claim of ID tokens`
  const isScoped = claims['scope'] !== undefined || claims['scp'] !== undefined || own !== undefined
  return isScoped ? undefined : findUnscopedFault(claims)
}

/**
 * Returns why a token without a scope is not an access token. If an API is its own client, ID tokens have the same
 * audience.
 */
function findUnscopedFault(claims: OidcUnknownClaims): string | undefined {
  if (claims['nonce'] !== undefined) return 'nonce without a scope marks an ID token'
  if (claims['code'] !== undefined) return 'code is a claim of authorization responses'
  const { aud, azp } = claims
  const isForClient = azp !== undefined && (Array.isArray(aud) ? aud.includes(azp) : aud === azp)
  const login = ['auth_time', 'acr', 'amr'].find((name) => claims[name] !== undefined)
  return isForClient && login !== undefined
    ? `${login} without a scope, with the client as audience, marks an ID token`
    : undefined
}

/** Returns the name of a claim that only an ID token has (OIDC Core, section 3.3.2.11); undefined if there is none. */
export function findHashClaim(claims: OidcUnknownClaims): string | undefined {
  return ['at_hash', 'c_hash', 's_hash'].find((name) => claims[name] !== undefined)
}

/**
 * Normalizes a type to lower case, without the prefix `application/`, which a header may omit (RFC 7515, section
 * 4.1.9).
 */
export function normalizeType(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string') return 'not a string'
  return value
    .toLowerCase()
    .replace(/^application\//, '')
    .slice(0, 50)
}
