import { buildAuthorizationUrl, buildAuthorizationUrlWithPAR, calculatePKCECodeChallenge } from 'openid-client'
import type { ResolvedOptions } from '../config/resolve.ts'
import { credentials, providerFault } from './provider-faults.ts'
import type { Provider } from './provider.ts'

/** What an authorization request is made of (OIDC Core 3.1.2.1). */
export interface AuthorizationRequest {
  readonly redirectUri: string
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  readonly scope: readonly string[]
  readonly responseMode: ResolvedOptions['responseMode']
  /** Whether the request is pushed (RFC 9126) also where the provider does not require it. */
  readonly par: boolean
  /** The key that the tokens are to be bound to (RFC 9449 10); undefined: none. */
  readonly dpopThumbprint: string | undefined
  /** Further parameters, already checked; several of `resource` with spaces between them. */
  readonly parameters: Readonly<Record<string, string>>
}

/** The URL to send the browser to; pushes the request first (RFC 9126) where that is asked for or required. */
export async function authorizationUrl(provider: Provider, request: AuthorizationRequest): Promise<string> {
  const { configuration, metadata } = await provider.ready()
  const { options } = provider
  const { resource, ...others } = request.parameters
  const parameters = new URLSearchParams({
    ...others,
    redirect_uri: request.redirectUri,
    scope: request.scope.join(' '),
    state: request.state,
    nonce: request.nonce,
    // RFC 9700 2.1.1: PKCE always, and with nonce both, since each binds the code to the browser on its own.
    code_challenge: await calculatePKCECodeChallenge(request.verifier),
    code_challenge_method: 'S256',
  })
  // RFC 8707 2.1: one parameter each.
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
    throw providerFault(error, 'authorization request', [request.nonce, request.verifier, ...credentials(options)])
  }
}
