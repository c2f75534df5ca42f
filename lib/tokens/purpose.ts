import type { OidcUnknownClaims } from '../config/claims.ts'

/** Accepted types in the header of an access token (RFC 7515, section 4.1.9). Many providers set none. */
const headerTypes = ['jwt', 'at+jwt']
/** Values of the claim `typ` in access tokens of Keycloak and other providers. */
const accessTypes = ['bearer', 'dpop', 'at+jwt', 'access_token']

/** What is known of a token besides its header and its claims. */
export interface PurposeHints {
  /** The client of the guard; undefined if it has none. An ID token for it has it as audience. */
  readonly clientId?: string | undefined
  /** Whether something other than header and claims shows that the token is an access token. */
  readonly isAccessToken?: boolean | undefined
}

/**
 * Returns why a token is not an access token, but an ID token, a refresh token, a logout token or a DPoP proof (RFC 8725,
 * sections 2.8, 3.11 and 3.12). Undefined if it may be an access token.
 */
export function findPurposeFault(
  header: { readonly typ?: unknown },
  claims: OidcUnknownClaims,
  hints: PurposeHints = {},
): string | undefined {
  const type = normalizeType(header.typ)
  if (type !== undefined && !headerTypes.includes(type))
    return `the header typ is ${JSON.stringify(type)}, not that of an access token`
  const own = normalizeType(claims['typ'])
  const isAccessType = own !== undefined && accessTypes.includes(own)
  if (own !== undefined && own !== 'jwt' && !isAccessType)
    return `the claim typ is ${JSON.stringify(own)}, not that of an access token`
  if (claims['events'] !== undefined) return 'events is a claim of logout tokens'
  if (claims['htm'] !== undefined || claims['htu'] !== undefined) return 'htm and htu are claims of DPoP proofs'
  // This explicit type is decisive: the claims below mark ID tokens only in its absence.
  if (type === 'at+jwt') return undefined
  const hash = findHashClaim(claims)
  if (hash !== undefined) return `${hash} is a claim of ID tokens`
  if (isAccessType || isScope(claims['scope']) || isScope(claims['scp'])) return undefined
  return findUnscopedFault(claims, hints)
}

/** Whether a claim is a scope: words, or a list of words. ID tokens have none. */
function isScope(value: unknown): boolean {
  return typeof value === 'string' || Array.isArray(value)
}

/**
 * Returns why a token that nothing marks as an access token is none. An ID token always has its client as audience (OIDC
 * Core, section 2), and none of its other marks is required.
 */
function findUnscopedFault(claims: OidcUnknownClaims, hints: PurposeHints): string | undefined {
  if (claims['nonce'] !== undefined) return 'nonce without a scope marks an ID token'
  if (claims['code'] !== undefined) return 'code is a claim of authorization responses'
  if (hints.isAccessToken) return undefined
  const { aud, azp, client_id: clientId } = claims
  const named = [azp, clientId].filter((client) => typeof client === 'string')
  const isForClient = [...named, hints.clientId].some((client) =>
    Array.isArray(aud) ? client !== undefined && aud.includes(client) : client !== undefined && client === aud,
  )
  if (isForClient) {
    return 'the audience is the client itself, and nothing marks the token as an access token. Give the API an audience of its own at the provider, or have the provider add a scope or the header typ at+jwt'
  }
  // An access token with these claims names its client (RFC 9068, section 2.2). That of an ID token may be the audience.
  const login = ['auth_time', 'acr', 'amr'].find((name) => claims[name] !== undefined)
  return login !== undefined && named.length === 0
    ? `${login} without a scope and without a client (azp, client_id) marks an ID token`
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
