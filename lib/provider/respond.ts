import { AuthorizationResponseError, ResponseBodyError, authorizationCodeGrant } from 'openid-client'
import { OidcError } from '../core/errors.ts'
import { credentials, providerFault, responseInvalid } from './faults.ts'
import type { Provider } from './provider.ts'

/** What the response must fit. */
export interface ResponseChecks {
  readonly redirectUri: string
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  readonly maxAge: number | undefined
}

/** The token response (RFC 6749 5.1), its ID token not yet verified. */
export interface TokenResponse {
  readonly accessToken: string
  readonly tokenType: string
  readonly idToken: string
  readonly refreshToken: string | undefined
  /** Seconds, where the provider gave a sensible number. */
  readonly expiresIn: number | undefined
  /** The granted scope; undefined where the provider left it out, which means: as asked (RFC 6749 5.1). */
  readonly scope: string | undefined
}

/** The provider said no to the authorization request (OIDC Core 3.1.2.6). */
export class ProviderRefused extends OidcError {
  /** The `error` of the response. */
  readonly error: string

  constructor(error: string, description: string | undefined) {
    const denied = error === 'access_denied'
    super(
      denied ? 'authorization_denied' : 'authorization_failed',
      denied ? 'The login was cancelled or refused.' : 'The login service could not complete the login.',
      {
        status: denied ? 403 : 400,
        detail: `the provider answered ${JSON.stringify(error.slice(0, 100))}${description ? `: ${JSON.stringify(description.slice(0, 500))}` : ''}`,
      },
    )
    this.error = error
  }
}

/** An access token ends within ten years, whatever the provider says: later ends are no dates. */
const longestSeconds = 315_360_000

/** Validates the authorization response (OIDC Core 3.1.2.7, RFC 9207) and exchanges its code for tokens. */
export async function exchangeCode(
  provider: Provider,
  parameters: URLSearchParams,
  checks: ResponseChecks,
): Promise<TokenResponse> {
  const { configuration } = await provider.ready()
  const url = new URL(checks.redirectUri)
  url.search = parameters.toString()
  try {
    const tokens = await authorizationCodeGrant(configuration, url, {
      expectedState: checks.state,
      expectedNonce: checks.nonce,
      pkceCodeVerifier: checks.verifier,
      idTokenExpected: true,
      ...(checks.maxAge === undefined ? {} : { maxAge: checks.maxAge }),
    })
    if (!/^[\x20-\x7e]+$/.test(tokens.access_token)) {
      // It could go into no header, and the error of that would quote it (RFC 6749 A.12).
      throw responseInvalid('token response: the access token has characters that none may have')
    }
    if (tokens.token_type !== 'bearer') {
      // No key of ours was shown (RFC 9449 5), so that nobody could use it.
      throw responseInvalid(`token response: the access token is of the type ${tokens.token_type} rather than Bearer`)
    }
    const expiresIn = tokens.expires_in
    return {
      accessToken: tokens.access_token,
      tokenType: tokens.token_type,
      // Its absence was refused above.
      idToken: tokens.id_token as string,
      refreshToken: tokens.refresh_token,
      expiresIn:
        typeof expiresIn === 'number' && Number.isFinite(expiresIn) && expiresIn > 0
          ? Math.min(expiresIn, longestSeconds)
          : undefined,
      scope: typeof tokens.scope === 'string' ? tokens.scope : undefined,
    }
  } catch (error) {
    if (error instanceof AuthorizationResponseError) throw new ProviderRefused(error.error, error.error_description)
    if (isInvalidGrant(error)) {
      throw new OidcError('authorization_failed', 'This login took too long, or was completed already.', {
        status: 400,
        detail: 'the provider does not know the code, or not any more (invalid_grant)',
      })
    }
    throw providerFault(error, 'authorization response', [
      parameters.get('code') ?? undefined,
      checks.verifier,
      checks.nonce,
      ...credentials(provider.options),
    ])
  }
}

/** RFC 6749 5.2: the code is invalid, has expired or was used; nothing is wrong with the client. */
function isInvalidGrant(error: unknown): boolean {
  return error instanceof ResponseBodyError && error.error === 'invalid_grant'
}
