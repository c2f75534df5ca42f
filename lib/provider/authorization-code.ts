import { AuthorizationResponseError, authorizationCodeGrant } from 'openid-client'
import { fail, OidcError } from '../core/errors.ts'
import { makeProofOption } from './dpop-keys.ts'
import { convertClientError, describeGrantError } from './client-fault.ts'
import { convertProviderError } from './provider-faults.ts'
import { listCauses } from './provider-words.ts'
import type { Provider } from './provider.ts'
import { isInvalidGrant, readIssuedTokens, type IssuedTokens, type DpopHandle } from './token-response.ts'

/** Values against which the authorization response and its code are checked. */
export interface ResponseChecks {
  readonly redirectUri: string
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  /** Scope of the code exchange; undefined if the provider does not need it. */
  readonly scope: readonly string[] | undefined
  /** The key that the code is bound to (RFC 9449, section 10). */
  readonly dpop: DpopHandle | undefined
}

/** The tokens of a new login. The ID token is not verified yet. */
export type LoginTokens = IssuedTokens & { readonly idToken: string }

/** An error response to the authorization request (OIDC Core, section 3.1.2.6). */
export class ProviderRefused extends OidcError {
  /** The `error` of the response. */
  readonly error: string
  /** What the provider returned, for a page: in `detail`, invisible characters are escaped, which some languages use. */
  readonly original: string

  constructor(error: string, description: string | undefined) {
    const denied = error === 'access_denied'
    const original = `the provider returned ${JSON.stringify(error.slice(0, 100))}${description ? `: ${JSON.stringify(description.slice(0, 500))}` : ''}`
    super(
      denied ? 'authorization_denied' : 'authorization_failed',
      denied ? 'The login was canceled or refused.' : 'The login service could not complete the login.',
      {
        status: denied ? 403 : 400,
        detail: original,
      },
    )
    this.error = error
    this.original = original
  }
}

/**
 * Validates the authorization response (OIDC Core, section 3.1.2.7; RFC 9207) and exchanges its code for tokens.
 *
 * @throws ProviderRefused, OidcError `authorization_failed` if the code is invalid, or as {@link convertClientError}
 */
export async function exchangeCode(
  provider: Provider,
  parameters: URLSearchParams,
  checks: ResponseChecks,
): Promise<LoginTokens> {
  const { configuration } = await provider.ready()
  const url = new URL(checks.redirectUri)
  url.search = parameters.toString()
  try {
    const expected = {
      expectedState: checks.state,
      expectedNonce: checks.nonce,
      pkceCodeVerifier: checks.verifier,
      idTokenExpected: true,
    }
    const scope = checks.scope && { scope: checks.scope.join(' ') }
    const tokens = await authorizationCodeGrant(configuration, url, expected, scope, makeProofOption(checks.dpop))
    // `idTokenExpected` makes openid-client reject a response without an ID token.
    return readIssuedTokens(tokens, checks.dpop) as LoginTokens
  } catch (error) {
    if (error instanceof AuthorizationResponseError) throw new ProviderRefused(error.error, error.error_description)
    const secrets = [parameters.get('code') ?? undefined, checks.verifier, checks.nonce]
    if (isInvalidGrant(error)) {
      const detail = 'the provider rejected the code as unknown, used or expired'
      throw fail('authorization_failed', await describeGrantError(provider, error, detail, secrets), {
        message: 'This login has expired or was already completed. Log in again.',
      })
    }
    if (isResponseFault(error)) {
      throw await convertProviderError(error, 'authorization response', secrets)
    }
    throw await convertClientError(provider, error, { what: 'code exchange', endpoint: 'token_endpoint', secrets })
  }
}

/** Whether the authorization response is at fault, so that its code was not sent. */
function isResponseFault(error: unknown): boolean {
  return listCauses(error).some((cause) => (cause as { parameters?: unknown }).parameters instanceof URLSearchParams)
}
