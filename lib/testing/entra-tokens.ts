import { createHash, randomBytes } from 'node:crypto'
import { applyChange, type TestJsonObject } from './change.ts'
import { fail } from './checks.ts'
import { isB2c, issuerAt } from './entra-documents.ts'
import { testTenants, type TestEntraApi, type TestEntraUser } from './entra-options.ts'
import type { EntraAddress, EntraState, TestEntraTokenFault } from './entra-state.ts'
import { sign } from './jws.ts'

/** Maximum number of groups that Entra puts into a JWT. */
const mostGroups = 200
/** The application ID of Microsoft Graph. */
export const graphAppId = '00000003-0000-0000-c000-000000000000'

/** A user's account in one tenant. */
export interface Member {
  readonly user: TestEntraUser
  readonly tid: string
  readonly oid: string
  readonly isGuest: boolean
}

/** The user's account in a tenant; undefined if there is none. */
export function findMember(user: TestEntraUser, tid: string): Member | undefined {
  if (user.tenant === tid) return { user, tid, oid: user.oid, isGuest: false }
  const oid = user.guestIn?.[tid]
  return oid === undefined ? undefined : { user, tid, oid, isGuest: true }
}

function opaque(bytes: number): string {
  return randomBytes(bytes).toString('base64url')
}

/** A subject that differs for each application. */
function pairwise({ tid, oid }: Pick<Member, 'tid' | 'oid'>, appId: string): string {
  return createHash('sha256').update(`${tid} ${oid} ${appId}`).digest('base64url')
}

function makeGroupClaims({ user, tid, oid }: Member): TestJsonObject {
  const { groups } = user
  if (groups === undefined) return {}
  if (groups.length <= mostGroups) return { groups }
  const endpoint = `https://graph.windows.net/${tid}/users/${oid}/getMemberObjects`
  return { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint } } }
}

function times({ settings }: EntraState): TestJsonObject {
  const now = Math.floor(settings.now() / 1000)
  return { iat: now, nbf: now, exp: now + settings.tokenSeconds }
}

/** Signs with the key of the tenant, unless the fault names another key. */
export async function signEntra(
  entra: EntraState,
  claims: TestJsonObject,
  fault: TestEntraTokenFault = {},
  header: TestJsonObject = {},
): Promise<string> {
  const own = claims.tid === testTenants.consumers ? 'consumers' : 'organizations'
  const { key, x5t } = entra.keys[fault.key ?? own]
  const content = await applyChange(claims, fault.claims)
  const v1 = claims.ver === '1.0' ? { x5t } : {}
  const whole = await applyChange({ typ: 'JWT', alg: 'RS256', kid: key.kid, ...v1, ...header }, fault.header)
  return await sign(whole, JSON.stringify(content), 'RS256', key.privateKey)
}

/** The parameters of an ID token. */
export interface IdTokenRequest {
  readonly member: Member
  readonly clientId: string
  readonly nonce: unknown
  readonly sid: unknown
  readonly scope: readonly string[]
}

/** The claims of an ID token of version 2, or of B2C. */
export function idTokenClaims(entra: EntraState, address: EntraAddress, request: IdTokenRequest): TestJsonObject {
  const { member, clientId, nonce, sid, scope } = request
  const { user, tid, oid, isGuest } = member
  const common = {
    aud: clientId,
    iss: issuerAt(address.host, tid, 2),
    ...times(entra),
    ...(nonce === undefined ? {} : { nonce }),
    ...(sid === undefined ? {} : { sid }),
  }
  if (isB2c(address.host)) {
    return { ...common, ver: '1.0', sub: oid, name: user.displayName, emails: [user.upn], tfp: address.policy }
  }
  return {
    ...common,
    ...(scope.includes('email') ? { email: user.upn } : {}),
    ...(isGuest ? { idp: issuerAt(address.host, user.tenant, 1) } : {}),
    ...(scope.includes('profile') ? { name: user.displayName, oid, preferred_username: user.upn } : {}),
    rh: `1.${opaque(24)}.`,
    ...(user.roles === undefined ? {} : { roles: user.roles }),
    ...makeGroupClaims(member),
    sub: pairwise(member, clientId),
    tid,
    uti: opaque(16),
    ver: '2.0',
  }
}

/** The parameters of an access token. */
export interface AccessTokenRequest {
  /** Undefined for a token of the application itself. */
  readonly member: Member | undefined
  readonly tid: string
  readonly api: TestEntraApi
  readonly version: 1 | 2
  readonly clientId: string
  readonly scope: readonly string[]
  /** Roles in the token; undefined for those of the user. */
  readonly roles: readonly string[] | undefined
  /** Whether the API has requested the optional claim `idtyp`. */
  readonly idtyp: boolean
}

/** The claims of an access token for an API. */
export function accessTokenClaims(
  entra: EntraState,
  { host, policy }: Pick<EntraAddress, 'host' | 'policy'>,
  request: AccessTokenRequest,
): TestJsonObject {
  const { member, tid, api, version, clientId, scope, roles = member?.user.roles, idtyp } = request
  const oid = member?.oid ?? clientId.replace(/^./, 'e')
  return {
    aud: version === 1 ? api.uri : api.appId,
    iss: issuerAt(host, tid, version),
    ...times(entra),
    aio: opaque(48),
    ...(version === 1 ? { acr: '1', amr: ['pwd'], appid: clientId, appidacr: '1' } : { azp: clientId, azpacr: '1' }),
    ...(idtyp ? { idtyp: member ? 'user' : 'app' } : {}),
    ...(member ? userClaims(member, version, host) : {}),
    oid,
    rh: `1.${opaque(24)}.`,
    ...(roles === undefined ? {} : { roles }),
    ...(member ? { ...makeGroupClaims(member), scp: scope.join(' ') } : {}),
    sub: member ? pairwise(member, api.appId) : oid,
    tid,
    uti: opaque(16),
    ver: version === 1 ? '1.0' : '2.0',
    ...(isB2c(host) ? { tfp: policy, ver: '1.0', tid: undefined, sub: oid } : {}),
  }
}

function userClaims({ user, isGuest }: Member, version: 1 | 2, host: string): TestJsonObject {
  const guest = isGuest ? { idp: issuerAt(host, user.tenant, 1) } : {}
  if (version === 2) return { ...guest, name: user.displayName, preferred_username: user.upn }
  const [given, family] = user.displayName.split(' ')
  return {
    ...guest,
    ipaddr: '203.0.113.7',
    name: user.displayName,
    given_name: given,
    family_name: family,
    unique_name: user.upn,
    ...(isGuest ? {} : { upn: user.upn }),
  }
}

/**
 * An access token for Microsoft Graph. Only Graph can verify it, because the signature covers a different header: one with
 * a hash of the nonce.
 */
export async function graphToken(
  entra: EntraState,
  address: EntraAddress,
  request: AccessTokenRequest,
): Promise<string> {
  const { member } = request
  if (member === undefined) return fail('a token for Microsoft Graph requires a user')
  const nonce = opaque(32)
  const hashed = createHash('sha256').update(nonce).digest('base64url')
  const claims = { ...accessTokenClaims(entra, address, request), aud: graphAppId }
  const [, payload, signature] = (await signEntra(entra, claims, {}, { nonce: hashed })).split('.')
  const { key, x5t } = entra.keys.organizations
  const header = { typ: 'JWT', nonce, alg: 'RS256', x5t, kid: key.kid }
  const token = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}.${signature}`
  entra.graphTokens.set(token, member.user)
  return token
}
