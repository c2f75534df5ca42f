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
import { makeProofOption } from './dpop-keys.ts'
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

/** The response of an API, with its challenges; none if their header is too long. */
export interface ResourceAnswer {
  readonly response: Response
  readonly challenges: readonly Challenge[]
}

/** Maximum length of a `WWW-Authenticate` header that is read: openid-client takes quadratic time for it. */
const longestChallenge = 4096

/** Why openid-client returned no response. */
interface CallFailure {
  /** What `fetch` rejected with. */
  thrown?: { readonly reason: unknown }
  /** A response whose challenges are not read. */
  unread?: Response
}

/**
 * Calls an API with an access token (RFC 6750, section 2.1), or without one. Rejects with the errors of `fetch`. The caller
 * checks that the token may be sent to this URL.
 */
export async function callResource(
  token: PresentedToken | undefined,
  url: URL,
  init: RequestInit,
): Promise<ResourceAnswer> {
  if (!token) return { response: await fetch(url, init), challenges: [] }
  const { accessToken, dpop } = token
  const headers = new Headers(init.headers)
  const failure: CallFailure = {}
  const configuration = makeResourceConfiguration(url, makeFetch(init, failure))
  const { method = 'GET' } = init
  const body = init.body as FetchBody | undefined
  const options = makeProofOption(dpop)
  try {
    const response = await fetchProtectedResource(configuration, accessToken, url, method, body, headers, options)
    return { response, challenges: [] }
  } catch (error) {
    if (failure.unread) return { response: failure.unread, challenges: [] }
    if (failure.thrown) throw failure.thrown.reason
    if (error instanceof WWWAuthenticateChallengeError)
      return { response: error.response, challenges: error.cause as Challenge[] }
    throw error
  }
}

/** Returns a function that fetches with the options of the application, and sets `failure` when it throws. */
function makeFetch({ redirect = 'follow', signal = null, ...init }: RequestInit, failure: CallFailure): CustomFetch {
  return async (address, options) => {
    try {
      const response = await fetch(address, { ...init, ...options, redirect, signal } as RequestInit)
      if (!hasLongChallenge(response)) return response
      failure.unread = response
      throw new Error('the WWW-Authenticate header is too long')
    } catch (reason) {
      failure.thrown = { reason }
      throw reason
    }
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

function hasLongChallenge({ headers }: Response): boolean {
  return (headers.get('www-authenticate') ?? '').length > longestChallenge
}
