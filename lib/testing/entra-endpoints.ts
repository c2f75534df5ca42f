import { decodeJwt } from 'jose'
import { type Answer, json, oauthError } from './answer.ts'
import { words } from './authorization-request.ts'
import { entraError } from './entra-error.ts'
import { isTenantId, testTenants } from './entra-options.ts'
import { entraTarget, graphApi, rememberConsent } from './entra-scopes.ts'
import type { EntraAddress, EntraState } from './entra-state.ts'
import { accessTokenClaims, graphToken, idTokenClaims, findMember, signEntra, type Member } from './entra-tokens.ts'
import type { TestRequest } from './request.ts'
import type { Grant } from './state.ts'
import { tokenEndpoint } from './token-endpoint.ts'
import { newRefreshToken } from './tokens.ts'

/** The user's account in the tenant for which an authority issues the user's tokens; undefined if there is none. */
function memberAt(entra: EntraState, { tenant }: EntraAddress, name: string): Member | undefined {
  const user = entra.settings.users.get(name)
  if (user === undefined) return undefined
  if (isTenantId(tenant)) return findMember(user, tenant)
  const isPersonal = user.tenant === testTenants.consumers
  const isWanted = tenant === 'common' || isPersonal === (tenant === 'consumers')
  return isWanted ? findMember(user, user.tenant) : undefined
}

/** The grant of the code or refresh token, whether the request succeeds or fails. */
function findGrant({ provider }: EntraState, params: URLSearchParams): Grant | undefined {
  return params.get('grant_type') === 'authorization_code'
    ? provider.codes.get(params.get('code') ?? '')?.grant
    : provider.refreshTokens.get(params.get('refresh_token') ?? '')?.grant
}

/** Removes the scope, because the test provider would compare it with the granted scope. */
function withoutScope(request: TestRequest): TestRequest {
  return { ...request, params: new URLSearchParams([...request.params].filter(([name]) => name !== 'scope')) }
}

/** The token endpoint. The test provider validates the request. The tokens are then issued in the format of Entra. */
export async function entraToken(entra: EntraState, address: EntraAddress, request: TestRequest): Promise<Answer> {
  const grantType = request.params.get('grant_type') ?? ''
  if (!['authorization_code', 'refresh_token'].includes(grantType)) {
    const description = `The app requested an unsupported grant type '${grantType}'.`
    return entraError(entra, 400, 'unsupported_grant_type', 70_003, description)
  }
  const { provider, settings } = entra
  const answer = await tokenEndpoint(provider, withoutScope(request))
  const grant = findGrant(entra, request.params)
  if (answer.status !== 200 || grant === undefined) return answer
  const { session, clientId } = grant
  const member = memberAt(entra, address, session.sub)
  if (member === undefined) {
    const description = `The user account does not exist in the tenant ${address.tenant}.`
    return entraError(entra, 400, 'invalid_grant', 50_020, description)
  }
  const isLogin = grantType === 'authorization_code'
  if (isLogin) rememberConsent(entra, grant)
  const asked = words(request.params.get('scope'))
  const target = entraTarget(entra, address, grant, asked)
  if ('status' in target) return target
  const { api, names } = target
  const { tid } = member
  const wanted = { member, tid, api, version: api.version ?? 2, clientId, scope: names, roles: undefined, idtyp: false }
  const accessToken =
    api === graphApi
      ? await graphToken(entra, address, wanted)
      : await signEntra(entra, accessTokenClaims(entra, address, wanted))

  const scope = isLogin || asked.length === 0 ? grant.scope : asked
  const idToken = { member, clientId, nonce: isLogin ? grant.nonce : undefined, sid: session.sid, scope }
  return json({
    token_type: 'Bearer',
    scope: target.scope.join(' '),
    expires_in: settings.tokenSeconds,
    ext_expires_in: settings.tokenSeconds,
    access_token: accessToken,
    // A new one each time, whatever the requested scope; the previous ones stay valid.
    ...(grant.scope.includes('offline_access') ? { refresh_token: await newRefreshToken(provider, grant) } : {}),
    ...(scope.includes('openid')
      ? { id_token: await signEntra(entra, idTokenClaims(entra, address, idToken), entra.faults.idToken) }
      : {}),
  })
}

/** The part of Microsoft Graph that logins need: userinfo, and the groups of a user that has too many for a token. */
export function graph(entra: EntraState, path: string, request: TestRequest): Answer {
  const token = /^bearer (\S+)$/i.exec(request.headers['authorization'] ?? '')?.[1] ?? ''
  const user = entra.graphTokens.get(token)
  if (user === undefined) return oauthError(401, 'InvalidAuthenticationToken', 'Access token validation failure.')
  if (path === '/oidc/userinfo') {
    const { sub } = decodeJwt(token)
    return json({
      sub,
      name: user.displayName,
      email: user.upn,
      picture: 'https://graph.microsoft.com/v1.0/me/photo/$value',
    })
  }
  if (path === '/v1.0/me/getMemberObjects' && request.method === 'POST') return json({ value: user.groups ?? [] })
  return json({ error: { code: 'BadRequest', message: 'Resource not found for the segment.' } }, 400)
}
