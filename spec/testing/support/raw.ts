/** Requests to the provider without a client library, because a library never sends invalid ones. */
import { createHash } from 'node:crypto'
import { createUserAgent, type TestProvider, type UserAgent, type UserAgentResponse } from '../../../lib/testing.ts'

export const callback = 'http://127.0.0.1:9/callback'
export const verifier = 'a-verifier-that-is-long-enough-for-the-specification'
export const challenge = createHash('sha256').update(verifier).digest('base64url')

type Params = Record<string, string | undefined>

function encode(params: Params): URLSearchParams {
  return new URLSearchParams(
    Object.entries(params).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

/** The credentials of the first client, as form fields. */
export function credentials({ clientId, clientSecret }: TestProvider): Record<string, string> {
  return { client_id: clientId, ...(clientSecret === undefined ? {} : { client_secret: clientSecret }) }
}

/** The URL of an authorization request; `undefined` leaves out a parameter. */
export function authorizeUrl(provider: TestProvider, params: Params = {}): string {
  const whole = encode({
    client_id: provider.clientId,
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid',
    state: 'the-state',
    ...params,
  })
  return `${provider.issuer}/authorize?${whole.toString()}`
}

/** The parameters of an authorization response that is a redirect. */
export function getResponse(page: UserAgentResponse): Record<string, string> {
  return Object.fromEntries(new URL(page.headers.get('location') ?? '', page.url).searchParams)
}

/** Sends an authorization request and returns the parameters of the redirect. */
export async function authorize(
  provider: TestProvider,
  params: Params = {},
  agent: UserAgent = createUserAgent(),
): Promise<Record<string, string>> {
  return getResponse(await agent.get(authorizeUrl(provider, params), { redirect: 'manual' }))
}

/** Sends a token request with the credentials of the first client in the form. */
export async function tokenRequest(
  provider: TestProvider,
  params: Params,
  headers: Record<string, string> = {},
): Promise<UserAgentResponse> {
  return await post(provider, '/token', params, headers)
}

/** Posts a form to any endpoint, with the credentials of the first client. */
export async function post(
  provider: TestProvider,
  path: string,
  params: Params,
  headers: Record<string, string> = {},
): Promise<UserAgentResponse> {
  const body = encode({ ...credentials(provider), ...params })
  return await createUserAgent().fetch(provider.issuer + path, { method: 'POST', body, headers })
}

/** The token response of a login without PKCE. */
export async function logIn(provider: TestProvider, params: Params = {}): Promise<Record<string, unknown>> {
  const { code } = await authorize(provider, params)
  const response = await tokenRequest(provider, { grant_type: 'authorization_code', code, redirect_uri: callback })
  return response.json()
}
