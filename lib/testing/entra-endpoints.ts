import { decodeJwt } from 'jose'
import { type Answer, json, oauthError } from './answer.ts'
import type { JsonObject } from './change.ts'
import { isTenantId, testTenants, type TestEntraApi } from './entra-options.ts'
import type { EntraAddress, EntraState } from './entra-state.ts'
import {
  graphAppId,
  graphToken,
  idTokenClaims,
  accessTokenClaims,
  memberOf,
  signEntra,
  type Member,
} from './entra-tokens.ts'
import type { TestRequest } from './request.ts'
import { tokenEndpoint } from './token-endpoint.ts'

/** An error as Entra has it, with a number that people search for. */
export function entraError(status: number, error: string, code: number, description: string): Answer {
  return json({ error, error_description: `AADSTS${code}: ${description}`, error_codes: [code] }, status)
}

/** The tenant whose tokens a user gets at an authority. */
function memberAt(entra: EntraState, { tenant }: EntraAddress, name: string): Member | undefined {
  const user = entra.settings.users.get(name)
  if (user === undefined) return undefined
  if (isTenantId(tenant)) return memberOf(user, tenant)
  const isPersonal = user.tenant === testTenants.consumers
  const isWanted = tenant === 'common' || isPersonal === (tenant === 'consumers')
  return isWanted ? memberOf(user, user.tenant) : undefined
}

/** The API whose scope is asked for, and which of it. Undefined: Microsoft Graph, as without any. */
function targetOf(entra: EntraState, scope: readonly string[]): { api: TestEntraApi; scope: string[] } | undefined {
  for (const api of entra.settings.apis) {
    const own = scope.flatMap((each) =>
      [api.uri, api.appId].flatMap((start) => (each.startsWith(`${start}/`) ? [each.slice(start.length + 1)] : [])),
    )
    if (own.length > 0) return { api, scope: own }
  }
  return undefined
}

/** The token endpoint: that of the other provider judges the request, and the tokens are made anew in Entra's shape. */
export async function entraToken(entra: EntraState, address: EntraAddress, request: TestRequest): Promise<Answer> {
  const grantType = request.params.get('grant_type') ?? ''
  if (!['authorization_code', 'refresh_token'].includes(grantType)) {
    const description = `The app requested an unsupported grant type '${grantType}'.`
    return entraError(400, 'unsupported_grant_type', 70_003, description)
  }
  const answer = await tokenEndpoint(entra.provider, request)
  if (answer.status !== 200) return answer
  const { refresh_token: refreshToken, id_token: idToken, scope: granted } = JSON.parse(answer.body) as JsonObject
  const scope = String(granted).split(' ')
  const { sub, nonce, sid, aud } = decodeJwt(String(idToken))
  const clientId = String(aud)
  const member = memberAt(entra, address, String(sub))
  if (member === undefined) {
    return entraError(400, 'invalid_grant', 50_020, `The user account does not exist in the tenant ${address.tenant}.`)
  }
  const target = targetOf(entra, scope)
  const api = target?.api ?? { appId: graphAppId, uri: 'https://graph.microsoft.com', version: 1 }
  const wanted = {
    member,
    tid: member.tid,
    api,
    version: api.version ?? 2,
    clientId,
    scope: target?.scope ?? scope,
    roles: undefined,
    idtyp: false,
  } as const
  const claims = idTokenClaims(entra, address, { member, clientId, nonce, sid, scope })
  return json({
    token_type: 'Bearer',
    scope: scope.join(' '),
    expires_in: entra.settings.tokenSeconds,
    ext_expires_in: entra.settings.tokenSeconds,
    access_token: target
      ? await signEntra(entra, accessTokenClaims(entra, address, wanted))
      : await graphToken(entra, address, wanted),
    ...(scope.includes('offline_access') ? { refresh_token: refreshToken } : {}),
    id_token: await signEntra(entra, claims, entra.faults.idToken),
  })
}

/** What of Microsoft Graph logins need: userinfo, and the groups of who is in too many for a token. */
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
