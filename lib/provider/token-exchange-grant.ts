import { ResponseBodyError, genericGrantRequest } from 'openid-client'
import { OidcError } from '../core/errors.ts'
import { makeProofOption } from './dpop-keys.ts'
import { convertClientError } from './client-fault.ts'
import { responseInvalid } from './provider-faults.ts'
import type { Provider } from './provider.ts'
import { readIssuedTokens, type IssuedTokens, type DpopHandle } from './token-response.ts'

const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

/** Parameters of a token exchange (RFC 8693, section 2.1). */
export interface ExchangeRequest {
  readonly audience: readonly string[]
  readonly scope: readonly string[] | undefined
  readonly resource: readonly string[]
}

/** The provider's refusal of a token exchange, because of the client, its parameters, the user or the token. */
export class ExchangeRefused extends OidcError {
  constructor(detail: string, isUser: boolean) {
    super(
      isUser ? 'not_allowed' : 'client_rejected',
      isUser
        ? 'You do not have permission to do this.'
        : 'The login service rejected this application. Contact the operator of this application.',
      { status: isUser ? 403 : 500, detail },
    )
  }
}

/**
 * Exchanges an access token for another (RFC 8693, section 2).
 *
 * @throws ExchangeRefused, OidcError as {@link convertClientError}
 */
export async function exchangeToken(
  provider: Provider,
  subjectToken: string,
  { audience, scope, resource }: ExchangeRequest,
  dpop: DpopHandle | undefined,
): Promise<IssuedTokens> {
  const { configuration } = await provider.ready()
  const parameters = new URLSearchParams({
    subject_token: subjectToken,
    subject_token_type: accessTokenType,
    requested_token_type: accessTokenType,
  })
  for (const one of audience) parameters.append('audience', one)
  for (const one of resource) parameters.append('resource', one)
  if (scope) parameters.set('scope', scope.join(' '))
  try {
    const answer = await genericGrantRequest(
      configuration,
      'urn:ietf:params:oauth:grant-type:token-exchange',
      parameters,
      makeProofOption(dpop),
    )
    // The response states the type of the token (RFC 8693, section 2.2.1), which must be the requested one.
    if (answer['issued_token_type'] !== accessTokenType) {
      throw responseInvalid('token exchange: the issued token is not an access token')
    }
    return readIssuedTokens(answer, dpop)
  } catch (error) {
    const request = { what: 'token exchange', endpoint: 'token_endpoint', secrets: [subjectToken] } as const
    const fault = await convertClientError(provider, error, request)
    if (fault.code !== 'client_rejected' || !(error instanceof ResponseBodyError)) throw fault
    throw new ExchangeRefused(fault.detail ?? error.error, error.error === 'access_denied')
  }
}
