/** Logins and refreshes at the simulated Entra, without a client library. */
import { createUserAgent, type TestEntra } from 'express-session-oidc/testing'

export interface EntraAnswer {
  readonly status: number
  readonly body: Record<string, unknown>
}

const redirectUri = 'http://127.0.0.1/callback'

/** A request to the token endpoint with the credentials of the first client. */
export async function entraTokens(
  entra: TestEntra,
  authority: string,
  params: Readonly<Record<string, string>>,
): Promise<EntraAnswer> {
  const credentials = { client_id: entra.clientId, client_secret: entra.clientSecret ?? '' }
  const answer = await entra.fetch(`${authority}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({ ...credentials, ...params }),
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

/** The parameters of the response to an authorization request. */
export async function entraAuthorize(
  entra: TestEntra,
  authority: string,
  scope: string,
): Promise<Record<string, string>> {
  const authorization = new URL(`${authority}/oauth2/v2.0/authorize`)
  const client = { client_id: entra.clientId, redirect_uri: redirectUri, response_type: 'code' }
  authorization.search = new URLSearchParams({ ...client, scope, nonce: 'n', state: 's' }).toString()
  const response = await createUserAgent({ proxies: entra.proxies() }).get(authorization, { redirect: 'manual' })
  return Object.fromEntries(new URL(response.headers.get('location') ?? '').searchParams)
}

/** Logs in the user at the keyboard and returns the token response; `more` goes to the token endpoint. */
export async function entraLogin(
  entra: TestEntra,
  authority: string,
  scope: string,
  more: Readonly<Record<string, string>> = {},
): Promise<EntraAnswer> {
  const { code = '' } = await entraAuthorize(entra, authority, scope)
  const params = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, ...more }
  return await entraTokens(entra, authority, params)
}
