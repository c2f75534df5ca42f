/** The endpoints that take an issued token: userinfo, introspection, revocation. */
import { type Answer, json } from './answer.ts'
import { applyChange, type TestJsonObject } from './change.ts'
import { authenticateClient } from './client-auth.ts'
import { presentedToken, refuseToken } from './presented-token.ts'
import type { TestRequest } from './request.ts'
import { activeToken, getIssuer, type Grant, type ProviderState } from './state.ts'
import { confirmation, makeToken, tokenType } from './tokens.ts'
import { releasedClaims } from './users.ts'

/** OIDC Core 5.3. */
export async function userInfo(provider: ProviderState, request: TestRequest): Promise<Answer> {
  const presented = await presentedToken(provider, request)
  if (!('token' in presented)) return presented
  const { scheme, token, headers } = presented
  if (!token.scope.includes('openid')) {
    const error = { error: 'insufficient_scope', error_description: 'the scope openid was not granted' }
    return refuseToken(403, scheme, { ...error, scope: 'openid' }, headers)
  }
  const { session, clientId } = token.grant
  const user = provider.settings.users.get(session.sub)
  const claims = { sub: session.sub, ...releasedClaims({ ...user?.claims, ...user?.userInfoClaims }, token.scope) }
  const faults = provider.faults.ofToken('userInfo')
  if (faults.some((fault) => Object.keys(fault).some((name) => name !== 'claims' && name !== 'times'))) {
    // OIDC Core 5.3.2: a signed response names issuer and audience.
    const signed = { iss: getIssuer(provider), aud: clientId, ...claims }
    const body = (await makeToken(provider, signed, 'JWT', faults, clientId)) ?? ''
    return {
      status: 200,
      headers: { ...headers, 'content-type': 'application/jwt', 'cache-control': 'no-store' },
      body,
    }
  }
  let content: TestJsonObject = claims
  for (const fault of faults) content = await applyChange(content, fault.claims)
  return json(content, 200, headers)
}

/** RFC 7662. */
export function introspect(provider: ProviderState, request: TestRequest): Answer {
  const client = authenticateClient(provider, request)
  if (!('clientId' in client)) return client
  const token = activeToken(provider, request.params.get('token') ?? '')
  if (token === undefined) return json({ active: false })
  const { session, clientId } = token.grant
  return json({
    active: true,
    iss: getIssuer(provider),
    sub: session.sub,
    username: session.sub,
    client_id: clientId,
    aud: token.audience,
    scope: token.scope.join(' '),
    token_type: tokenType(token.jkt),
    iat: Math.floor(token.issuedAt / 1000),
    exp: Math.floor(token.expiresAt / 1000),
    ...confirmation(token.jkt),
    ...provider.settings.users.get(session.sub)?.accessTokenClaims,
  })
}

/**
 * RFC 7009: revoking a refresh token revokes all tokens that the client got in the same session, as Keycloak does. An unknown
 * token is not an error.
 */
export function revoke(provider: ProviderState, request: TestRequest): Answer {
  const client = authenticateClient(provider, request)
  if (!('clientId' in client)) return client
  const text = request.params.get('token') ?? ''
  const refreshToken = provider.refreshTokens.get(text)
  if (refreshToken?.grant.clientId === client.clientId) revokeSession(provider, refreshToken.grant)
  const accessToken = provider.accessTokens.get(text)
  if (accessToken?.grant.clientId === client.clientId) accessToken.revoked = true
  return { status: 200, headers: { 'cache-control': 'no-store' }, body: '' }
}

function revokeSession({ refreshTokens, accessTokens }: ProviderState, { clientId, session }: Grant): void {
  for (const { grant } of [...refreshTokens.values(), ...accessTokens.values()]) {
    if (grant.clientId === clientId && grant.session === session) grant.revoked = true
  }
}
