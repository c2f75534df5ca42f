import type { Sealer } from '../core/seal.ts'
import type { OidcTokenSet } from '../config/claims.ts'

const format = 1

/** One access token. */
export type AccessToken = Pick<OidcTokenSet, 'accessToken' | 'tokenType' | 'obtainedAt' | 'expiresAt' | 'scope'>

/** All tokens of a login, as they are stored. */
export interface StoredTokens extends OidcTokenSet {
  /** Access tokens in addition to the login's own, keyed by the request or the token exchange that they came from. */
  readonly additional?: Readonly<Record<string, AccessToken>> | undefined
  /** The private key that all tokens are bound to (RFC 9449); undefined if they are not bound. */
  readonly dpopKey?: string | undefined
}

/** Seals the tokens of one login. They open only for the same login. */
export function sealTokens(sealer: Sealer, tokens: StoredTokens, loginId: string): string {
  return sealer.seal(JSON.stringify({ format, ...tokens }), loginId)
}

/** Opens the tokens of a login; undefined if they were sealed with another key, for another login or in another format. */
export function openTokens(sealer: Sealer, sealed: string, loginId: string): StoredTokens | undefined {
  const text = sealer.open(sealed, loginId)
  if (text === undefined) return undefined
  const tokens = JSON.parse(text) as StoredTokens & { format: number }
  if (tokens.format !== format) return undefined
  // Listed one by one because spreading is several times slower.
  return Object.freeze({
    accessToken: tokens.accessToken,
    tokenType: tokens.tokenType,
    refreshToken: tokens.refreshToken,
    idToken: tokens.idToken,
    obtainedAt: tokens.obtainedAt,
    expiresAt: tokens.expiresAt,
    scope: tokens.scope,
    additional: tokens.additional,
    dpopKey: tokens.dpopKey,
  })
}

/** Returns the tokens that the application gets: those that the login came with, without the DPoP key. */
export function toTokenSet({ additional: _others, dpopKey: _dpopKey, ...tokens }: StoredTokens): OidcTokenSet {
  return Object.freeze(tokens)
}
