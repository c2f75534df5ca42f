import {
  Configuration,
  None,
  WWWAuthenticateChallengeError,
  allowInsecureRequests,
  customFetch,
  fetchProtectedResource,
  type CustomFetch,
  type FetchBody,
} from 'openid-client'
import { withProof } from './dpop-keys.ts'
import type { DpopHandle } from './token-response.ts'

/** An access token, with the handle of the DPoP key that it is bound to, if any (RFC 9449, section 7). */
export interface PresentedToken {
  readonly accessToken: string
  readonly dpop: DpopHandle | undefined
}

/** One challenge of a `WWW-Authenticate` header (RFC 9110, section 11.6.1). */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string
  readonly parameters: Readonly<Record<string, string | undefined>>
}

/** The response of an API, with its challenges. */
export interface ResourceAnswer {
  readonly response: Response
  readonly challenges: readonly Challenge[]
}

/**
 * Calls an API with an access token (RFC 6750, section 2.1). Rejects with the errors of `fetch`. The caller checks that the
 * token may be sent to this URL.
 */
export async function callResource(
  { accessToken, dpop }: PresentedToken,
  url: URL,
  init: RequestInit,
): Promise<ResourceAnswer> {
  const headers = new Headers(init.headers)
  let failure: { readonly reason: unknown } | undefined
  const send: CustomFetch = async (address, options) => {
    const { redirect = 'follow', signal = null } = init
    try {
      // `fetch` drops the token on a redirect to another origin (Fetch Standard, HTTP-redirect fetch).
      return await fetch(address, { ...init, ...options, redirect, signal } as RequestInit)
    } catch (reason) {
      failure = { reason }
      throw reason
    }
  }
  const configuration = makeResourceConfiguration(url, send)
  const { method = 'GET', body } = init
  const options = withProof(dpop)
  try {
    const response = await fetchProtectedResource(
      configuration,
      accessToken,
      url,
      method,
      body as FetchBody | undefined,
      headers,
      options,
    )
    return { response, challenges: [] }
  } catch (error) {
    if (failure) throw failure.reason
    if (error instanceof WWWAuthenticateChallengeError)
      return { response: error.response, challenges: error.cause as Challenge[] }
    throw error
  }
}

/** Returns a configuration of no provider: it only serves to set the request header and to parse the challenges. */
function makeResourceConfiguration(url: URL, send: CustomFetch): Configuration {
  const configuration = new Configuration({ issuer: url.origin }, 'unused', undefined, None())
  configuration[customFetch] = send
  configuration.timeout = 0
  if (url.protocol === 'http:') allowInsecureRequests(configuration)
  return configuration
}
