import { createHash } from 'node:crypto'
import { type Answer, json, oauthError } from './answer.ts'
import { words } from './authorization-request.ts'
import { authenticateClient } from './client-auth.ts'
import type { TestClient } from './clients.ts'
import { withProof } from './dpop.ts'
import type { TestRequest } from './request.ts'
import { isLive, type ProviderState } from './state.ts'
import { resourcesFor } from './targets.ts'
import { exchangeToken } from './token-exchange.ts'
import { grantTypes, tokenExchange, tokenResponse } from './tokens.ts'

function invalidGrant(description: string): Answer {
  return oauthError(400, 'invalid_grant', description)
}

/** RFC 7636 section 4.6. */
function verifierFits(verifier: string | null, challenge: string | undefined): boolean {
  if (challenge === undefined) return verifier === null
  return verifier !== null && createHash('sha256').update(verifier).digest('base64url') === challenge
}

/** RFC 6749 section 4.1.3. */
async function exchangeCode(
  provider: ProviderState,
  client: TestClient,
  params: URLSearchParams,
  jkt: string | undefined,
): Promise<Answer> {
  const code = provider.codes.get(params.get('code') ?? '')
  if (code === undefined || code.grant.clientId !== client.clientId) return invalidGrant('the code is unknown')
  const { grant } = code
  if (code.used) {
    // RFC 6749 section 4.1.2: reuse means that the code may be stolen, so its tokens are revoked.
    grant.revoked = true
    return invalidGrant('the code was used before')
  }
  code.used = true
  if (code.expiresAt < provider.settings.now()) return invalidGrant('the code has expired')
  if (params.get('redirect_uri') !== code.redirectUri)
    return invalidGrant('redirect_uri differs from that of the authorization request')
  if (!verifierFits(params.get('code_verifier'), code.challenge))
    return invalidGrant('code_verifier does not match code_challenge')
  if (code.jkt !== undefined && code.jkt !== jkt) return invalidGrant('the code is bound to another key')
  if (!isLive(provider, grant)) return invalidGrant('the session has ended')
  const resource = resourcesFor(provider, params, grant)
  if ('status' in resource) return resource
  return json(await tokenResponse(provider, grant, { scope: grant.scope, resource, jkt }, 'authorization_code'))
}

/** RFC 6749 section 6. */
async function refresh(
  provider: ProviderState,
  client: TestClient,
  params: URLSearchParams,
  jkt: string | undefined,
): Promise<Answer> {
  const presented = params.get('refresh_token') ?? ''
  const token = provider.refreshTokens.get(presented)
  if (token === undefined || token.grant.clientId !== client.clientId) {
    return invalidGrant('the refresh token is unknown')
  }
  const { grant } = token
  if (token.spent) {
    // RFC 9700 section 4.14.2: reuse of a rotated token revokes the whole family.
    grant.revoked = true
    return invalidGrant('the refresh token was used before')
  }
  if (token.jkt !== undefined && token.jkt !== jkt) return invalidGrant('the refresh token is bound to another key')
  if (!isLive(provider, grant)) return invalidGrant('the session has ended')
  const wanted = words(params.get('scope'))
  if (wanted.some((name) => !grant.scope.includes(name))) {
    return oauthError(400, 'invalid_scope', 'the scope exceeds the granted scope')
  }
  const resource = resourcesFor(provider, params, grant)
  if ('status' in resource) return resource
  const scope = wanted.length === 0 ? grant.scope : wanted
  if (provider.settings.refreshTokens === 'rotating') token.spent = true
  return json(await tokenResponse(provider, grant, { scope, resource, jkt }, 'refresh_token'))
}

/** RFC 8707 section 2, RFC 8693 section 2.1. */
const mayRepeat: ReadonlySet<string> = new Set(['resource', 'audience'])

/** Answers a token request whose client has proved the key `jkt`, if any (OIDC Core 3.1.3). */
async function answerTokenRequest(
  provider: ProviderState,
  request: TestRequest,
  jkt: string | undefined,
): Promise<Answer> {
  const client = authenticateClient(provider, request)
  if (!('clientId' in client)) return client
  for (const name of new Set(request.params.keys())) {
    if (!mayRepeat.has(name) && request.params.getAll(name).length > 1) {
      return oauthError(400, 'invalid_request', `${name} appears more than once`)
    }
  }
  switch (request.params.get('grant_type')) {
    case 'authorization_code':
      return await exchangeCode(provider, client, request.params, jkt)
    case 'refresh_token':
      return await refresh(provider, client, request.params, jkt)
    case tokenExchange:
      return await exchangeToken(provider, client, request.params, jkt)
    default:
      return oauthError(400, 'unsupported_grant_type', `grant_type must be one of ${grantTypes.join(', ')}`)
  }
}

/** The token endpoint. It checks the proof before it uses a code or token, so that a client can retry with a new nonce. */
export async function tokenEndpoint(provider: ProviderState, request: TestRequest): Promise<Answer> {
  return await withProof(provider, request, (jkt) => answerTokenRequest(provider, request, jkt))
}
