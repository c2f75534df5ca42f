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

/** An access token with what proves the key that it is bound to, if any (RFC 9449 7). */
export interface PresentedToken {
  readonly accessToken: string
  readonly dpop: DpopHandle | undefined
}

/** One challenge of a `WWW-Authenticate` header (RFC 9110 11.6.1). */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string
  readonly parameters: Readonly<Record<string, string | undefined>>
}

/** What an API answered, with what it says of the access token. */
export interface ResourceAnswer {
  readonly response: Response
  readonly challenges: readonly Challenge[]
}

/**
 * Calls an API with an access token (RFC 6750 2.1), as `fetch` would; rejects with what that rejects with. Whether the token
 * may go there is for the caller to know.
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
      // A redirect to another origin does not take the token along (Fetch, HTTP-redirect fetch).
      return await fetch(address, { ...init, ...options, redirect, signal } as RequestInit)
    } catch (reason) {
      failure = { reason }
      throw reason
    }
  }
  // No provider is asked: it is there for the header of the request and the challenges of the answer alone.
  const configuration = new Configuration({ issuer: url.origin }, 'unused', undefined, None())
  configuration[customFetch] = send
  configuration.timeout = 0
  if (url.protocol === 'http:') allowInsecureRequests(configuration)
  try {
    const body = init.body as FetchBody | undefined
    const method = init.method ?? 'GET'
    const response = await fetchProtectedResource(
      configuration,
      accessToken,
      url,
      method,
      body,
      headers,
      withProof(dpop),
    )
    return { response, challenges: [] }
  } catch (error) {
    if (failure) throw failure.reason
    if (error instanceof WWWAuthenticateChallengeError)
      return { response: error.response, challenges: error.cause as Challenge[] }
    throw error
  }
}
