import { ResponseBodyError, type DPoPHandle, type TokenEndpointResponse } from 'openid-client'
import { responseInvalid } from './provider-faults.ts'

/** A source of DPoP proofs by one key (RFC 9449, section 4), with the latest nonce of each server (sections 8 and 9). */
export type DpopHandle = DPoPHandle

/** Tokens from the token endpoint (RFC 6749, section 5.1), not verified yet. */
export interface IssuedTokens {
  readonly accessToken: string
  readonly tokenType: string
  /** Undefined if there is none: a refresh may omit it (OIDC Core, section 12.2). */
  readonly idToken: string | undefined
  readonly refreshToken: string | undefined
  /** Lifetime of the access token in seconds; undefined if the provider gave no positive number. */
  readonly expiresIn: number | undefined
  /** The granted scope; undefined if the provider omits it, because it is the requested one (RFC 6749, section 5.1). */
  readonly scope: string | undefined
}

/** Maximum lifetime of an access token, ten years: with larger numbers its expiry would not be a valid date. */
const longestSeconds = 315_360_000

/**
 * Returns the tokens of a token response. They must be of the type DPoP if the request proved a key, otherwise of the type
 * Bearer.
 *
 * @throws OidcError `provider_response_invalid`
 */
export function readIssuedTokens(tokens: TokenEndpointResponse, dpop: DpopHandle | undefined): IssuedTokens {
  if (!/^[\x20-\x7e]+$/.test(tokens.access_token)) {
    // Such a token does not fit into a header, and the resulting error would quote it (RFC 6749, appendix A.12).
    throw responseInvalid('token response: access_token has invalid characters')
  }
  // Without a key, a DPoP token cannot be used. With a key, a Bearer token is not protected by it (RFC 9449, section 5).
  const [expected, why] = dpop ? ['DPoP', ', which `dpop` requires'] : ['Bearer', '']
  if (tokens.token_type !== expected.toLowerCase()) {
    throw responseInvalid(`token response: token_type is ${tokens.token_type}, not ${expected}${why}`)
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

/** Whether the code or refresh token is invalid, expired or used, through no fault of the client (RFC 6749, section 5.2). */
export function isInvalidGrant(error: unknown): boolean {
  return error instanceof ResponseBodyError && error.error === 'invalid_grant'
}
