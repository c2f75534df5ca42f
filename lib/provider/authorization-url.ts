import { buildAuthorizationUrl, buildAuthorizationUrlWithPAR, calculatePKCECodeChallenge } from 'openid-client'
import type { ResolvedOptions } from '../config/resolve.ts'
import { convertClientError } from './client-fault.ts'
import type { Provider } from './provider.ts'

/** The parts of an authorization request (OIDC Core, section 3.1.2.1). */
export interface AuthorizationRequest {
  readonly redirectUri: string
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  readonly scope: readonly string[]
  readonly responseMode: ResolvedOptions['responseMode']
  /** Whether the request is pushed (RFC 9126) even if the provider does not require that. */
  readonly par: boolean
  /** Thumbprint of the key that the tokens will be bound to (RFC 9449, section 10); undefined without DPoP. */
  readonly dpopThumbprint: string | undefined
  /** Further parameters, already validated. Spaces separate several values of `resource`. */
  readonly parameters: Readonly<Record<string, string>>
}

/**
 * Returns the URL of an authorization request. Pushes the request first (RFC 9126) if the request or the provider requires
 * it.
 */
export async function makeAuthorizationUrl(provider: Provider, request: AuthorizationRequest): Promise<string> {
  const { configuration, metadata } = await provider.ready()
  const { resource, ...others } = request.parameters
  const parameters = new URLSearchParams({
    ...others,
    redirect_uri: request.redirectUri,
    scope: request.scope.join(' '),
    state: request.state,
    nonce: request.nonce,
    // Always both PKCE and nonce: each alone binds the code to the browser (RFC 9700, section 2.1.1).
    code_challenge: await calculatePKCECodeChallenge(request.verifier),
    code_challenge_method: 'S256',
  })
  // One parameter for each resource (RFC 8707, section 2.1).
  for (const one of resource?.split(' ') ?? []) parameters.append('resource', one)
  if (request.dpopThumbprint !== undefined) parameters.set('dpop_jkt', request.dpopThumbprint)
  if (request.responseMode !== 'query') parameters.set('response_mode', request.responseMode)
  const pushed = request.par || metadata.require_pushed_authorization_requests === true
  try {
    const url = pushed
      ? await buildAuthorizationUrlWithPAR(configuration, parameters)
      : buildAuthorizationUrl(configuration, parameters)
    return url.href
  } catch (error) {
    throw await convertClientError(provider, error, {
      ...(pushed
        ? { what: 'pushed authorization request', endpoint: 'pushed_authorization_request_endpoint' }
        : { what: 'authorization request', endpoint: 'authorization_endpoint' }),
      secrets: [request.nonce, request.verifier],
    })
  }
}
