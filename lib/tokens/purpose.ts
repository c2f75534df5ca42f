import type { OidcUnknownClaims } from '../config/claims.ts'

/** Accepted types in the header of an access token (RFC 7515, section 4.1.9). Many providers set none. */
const headerTypes = ['jwt', 'at+jwt']
/** Values of the claim `typ` in access tokens of Keycloak and other providers. */
const accessTypes = ['bearer', 'dpop', 'at+jwt', 'access_token']

/** What is known of a token besides its header and its claims. */
export interface PurposeHints {
  /** The client of the guard; undefined if it has none. An ID token for it has it as audience. */
  readonly clientId?: string | undefined
  /** Whether the token is known to be an access token: it is opaque, or the provider's preset recognizes it. */
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
  if (isAccessType) return undefined
  if (!hints.isAccessToken && isForClient(claims, hints)) return findOwnTokenFault(claims, hints)
  return isScope(claims['scope']) || isScope(claims['scp']) ? undefined : findUnscopedFault(claims, hints)
}

/** Whether a claim is a scope: words, or a list of words. */
function isScope(value: unknown): boolean {
  return typeof value === 'string' || Array.isArray(value)
}

/** Whether a claim grants more than a login. Some providers put the scope `openid` into ID tokens, too (Cloud Foundry UAA). */
function isGrantedScope(value: unknown): boolean {
  const words: unknown = typeof value === 'string' ? value.split(' ') : value
  return Array.isArray(words) && words.some((word) => typeof word === 'string' && word !== '' && word !== 'openid')
}

/** Whether the audience is the client itself, as in every ID token (OIDC Core, section 2). */
function isForClient(claims: OidcUnknownClaims, { clientId }: PurposeHints): boolean {
  const { aud } = claims
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  return [claims['azp'], claims['client_id'], clientId].some(
    (client) => typeof client === 'string' && audiences.includes(client),
  )
}

/** Returns why a token whose audience is the client itself is not an access token. */
function findOwnTokenFault(claims: OidcUnknownClaims, hints: PurposeHints): string | undefined {
  if (claims['nonce'] !== undefined) return 'nonce in a token for the client itself marks an ID token'
  if (claims['code'] !== undefined) return 'code is a claim of authorization responses'
  if (isGrantedScope(claims['scope']) || isGrantedScope(claims['scp'])) return undefined
  if (isClientToken(claims, hints) || isSharedToken(claims)) return undefined
  return 'the audience is the client itself, and nothing marks the token as an access token. Give the API an audience of its own at the provider, or have the provider add a scope other than openid, or the header typ at+jwt'
}

/** Claims about a user or a user's authentication. Without them, a token is for no user. */
const userClaims = ['auth_time', 'acr', 'amr', 'sid', 'name', 'email', 'preferred_username']

/**
 * Whether a client got a token for itself (RFC 6749, section 4.4): the subject is the client. Spring Authorization Server
 * issues such tokens, and ID tokens with `azp`.
 */
function isClientToken(claims: OidcUnknownClaims, { clientId }: PurposeHints): boolean {
  const { sub, azp, client_id: named } = claims
  return sub === (named ?? clientId) && azp === undefined && userClaims.every((name) => claims[name] === undefined)
}

/**
 * Whether a token is for an API and the client, and names the client as access tokens do (RFC 9068, section 2.2). An ID
 * token with several audiences names the client in `azp` (OIDC Core, section 2). ZITADEL issues such tokens.
 */
function isSharedToken({ aud, azp, auth_time: authTime, client_id: client, jti }: OidcUnknownClaims): boolean {
  return (
    typeof client === 'string' &&
    typeof jti === 'string' &&
    azp === undefined &&
    authTime === undefined &&
    Array.isArray(aud) &&
    aud.includes(client) &&
    aud.some((audience) => audience !== client)
  )
}

/** Returns why a token without any mark is not accepted as an access token. An ID token need not have these claims. */
function findUnscopedFault(claims: OidcUnknownClaims, hints: PurposeHints): string | undefined {
  if (claims['nonce'] !== undefined) return 'nonce without a scope marks an ID token'
  if (claims['code'] !== undefined) return 'code is a claim of authorization responses'
  if (hints.isAccessToken) return undefined
  // An access token with these claims names its client (RFC 9068, section 2.2). That of an ID token may be the audience.
  if ([claims['azp'], claims['client_id']].some((client) => typeof client === 'string')) return undefined
  const mark = ['auth_time', 'acr', 'sid'].find((name) => claims[name] !== undefined) ?? findMethods(claims)
  return mark === undefined
    ? undefined
    : `${mark} without a scope and without a client (azp, client_id) marks an ID token. Have the provider add one of them, or the header typ at+jwt`
}

/** Returns `amr` if it is that of an ID token: strings (OIDC Core, section 2). Access tokens of Supabase have objects. */
function findMethods({ amr }: OidcUnknownClaims): string | undefined {
  const isOther = Array.isArray(amr) && amr.length > 0 && amr.every((method) => typeof method === 'object')
  return amr === undefined || isOther ? undefined : 'amr'
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
