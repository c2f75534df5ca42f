import { ResponseBodyError, type DPoPHandle, type TokenEndpointResponse } from 'openid-client'
import { responseInvalid } from './provider-faults.ts'

/** Makes the proofs of one key (RFC 9449 4), with the latest nonce of each server (8, 9). */
export type DpopHandle = DPoPHandle

/** What the token endpoint answered (RFC 6749 5.1), nothing of it verified yet. */
export interface IssuedTokens {
  readonly accessToken: string
  readonly tokenType: string
  /** Undefined where there is none: a refresh need not bring one (OIDC Core 12.2). */
  readonly idToken: string | undefined
  readonly refreshToken: string | undefined
  /** Seconds, where the provider gave a sensible number. */
  readonly expiresIn: number | undefined
  /** The granted scope; undefined where the provider left it out, which means: as asked (RFC 6749 5.1). */
  readonly scope: string | undefined
}

/** An access token ends within ten years, whatever the provider says: later ends are no dates. */
const longestSeconds = 315_360_000

/**
 * The tokens of an answer of the token endpoint, in the form in which they are used. They must be bound to the key that was
 * shown, and to none where none was.
 */
export function issuedTokens(tokens: TokenEndpointResponse, dpop: DpopHandle | undefined): IssuedTokens {
  if (!/^[\x20-\x7e]+$/.test(tokens.access_token)) {
    // It could go into no header, and the error of that would quote it (RFC 6749 A.12).
    throw responseInvalid('token response: the access token has characters that none may have')
  }
  // RFC 9449 5: without a key nobody could use one of DPoP; with a key one of Bearer is good for whoever steals it.
  const [expected, why] = dpop ? ['DPoP', ', which the option dpop asks for'] : ['Bearer', '']
  if (tokens.token_type !== expected.toLowerCase()) {
    throw responseInvalid(
      `token response: the access token is of the type ${tokens.token_type} rather than ${expected}${why}`,
    )
  }
  const expiresIn = tokens.expires_in
  return {
    accessToken: tokens.access_token,
    tokenType: tokens.token_type,
    idToken: tokens.id_token,
    refreshToken: tokens.refresh_token,
    expiresIn:
      typeof expiresIn === 'number' && Number.isFinite(expiresIn) && expiresIn > 0
        ? Math.min(expiresIn, longestSeconds)
        : undefined,
    scope: typeof tokens.scope === 'string' ? tokens.scope : undefined,
  }
}

/** RFC 6749 5.2: the code or the refresh token is invalid, has expired or was used; nothing is wrong with the client. */
export function isInvalidGrant(error: unknown): boolean {
  return error instanceof ResponseBodyError && error.error === 'invalid_grant'
}
