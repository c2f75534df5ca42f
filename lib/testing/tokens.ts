import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { applyChange, type TestJsonObject } from './change.ts'
import type { TestTokenFault } from './faults.ts'
import { corrupted, findHash, sign, signWithSecret, unsigned } from './jws.ts'
import { expired, type Grant, isLive, getIssuer, type ProviderState, remember, seconds } from './state.ts'
import { releasedClaims } from './users.ts'

type GrantType = NonNullable<TestTokenFault['grant']>

/** RFC 8693 section 2.1. */
export const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
/** RFC 8693 section 3. */
export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

export const grantTypes: readonly GrantType[] = ['authorization_code', 'refresh_token', tokenExchange]

/** The scope, audience and key of an access token. Scope and audience may be less than was granted. */
export interface AccessTarget {
  readonly scope: readonly string[]
  /** The audience; empty for that of the option `audience`. */
  readonly resource: readonly string[]
  /** The thumbprint of the key that the token is bound to (RFC 9449 section 6). */
  readonly jkt: string | undefined
}

export function tokenType(jkt: string | undefined): 'DPoP' | 'Bearer' {
  return jkt === undefined ? 'Bearer' : 'DPoP'
}

/** RFC 9449 section 6.1. */
export function confirmation(jkt: string | undefined): TestJsonObject {
  return jkt === undefined ? {} : { cnf: { jkt } }
}

/** Signs claims with the current key, or as the faults say. Resolves to undefined if a fault omits the token. */
export async function makeToken(
  provider: ProviderState,
  claims: TestJsonObject,
  typ: string | undefined,
  faults: readonly TestTokenFault[],
  clientId: string,
): Promise<string | undefined> {
  const { keys } = provider
  const signature = faults.findLast((fault) => fault.signature !== undefined)?.signature
  const key =
    signature === 'wrong-alg' ? await keys.alternate() : signature === 'other-key' ? await keys.foreign() : keys.current
  const kid = signature === 'other-key' ? keys.current.kid : key.kid
  let header: TestJsonObject = { alg: key.algorithm, ...(kid === undefined ? {} : { kid }), ...(typ ? { typ } : {}) }
  if (signature === 'none') header = { alg: 'none', ...(typ ? { typ } : {}) }
  if (signature === 'hs256' || signature === 'hs256-public-key') header = { ...header, alg: 'HS256' }

  let content = claims
  for (const fault of faults) {
    content = await applyChange(content, fault.claims)
    header = await applyChange(header, fault.header)
  }
  const payload = faults.reduce((text, fault) => fault.payload?.(text) ?? text, JSON.stringify(content))

  let token: string
  if (signature === 'none') token = unsigned(header, payload)
  else if (signature === 'hs256') {
    token = signWithSecret(header, payload, provider.settings.clients.get(clientId)?.clientSecret ?? '')
  } else if (signature === 'hs256-public-key') token = signWithSecret(header, payload, await keys.publicPem())
  else token = await sign(header, payload, key.algorithm, key.privateKey)
  if (signature === 'corrupt') token = corrupted(token)

  for (const { raw } of faults) token = typeof raw === 'function' ? raw(token) : (raw ?? token)
  return faults.some((fault) => fault.omit) ? undefined : token
}

async function makeAccessToken(
  provider: ProviderState,
  grant: Grant,
  { scope, resource, jkt }: AccessTarget,
  grantType: GrantType,
): Promise<string | undefined> {
  const { settings } = provider
  const now = seconds(provider)
  const { session, clientId } = grant
  const audience = resource.length === 0 ? settings.audience : resource.length === 1 ? resource[0] : resource
  const claims = {
    iss: getIssuer(provider),
    sub: session.sub,
    aud: audience,
    azp: clientId,
    client_id: clientId,
    scope: scope.join(' '),
    iat: now,
    exp: now + settings.accessTokenSeconds,
    jti: randomUUID(),
    sid: session.sid,
    // RFC 9068 2.2.1: for APIs that require a recent or strong authentication (RFC 9470 6.2).
    auth_time: grant.authTime,
    acr: grant.acr,
    ...confirmation(jkt),
    ...settings.users.get(session.sub)?.accessTokenClaims,
  }
  const faults = provider.faults.ofToken('accessToken', grantType)
  const typ = settings.accessTokens === 'at+jwt' ? 'at+jwt' : 'JWT'
  const opaque = settings.accessTokens === 'opaque' ? [{ raw: randomBytes(32).toString('base64url') }] : []
  const token = await makeToken(provider, claims, typ, [...opaque, ...faults], clientId)
  if (token !== undefined) {
    const issuedAt = settings.now()
    const expiresAt = issuedAt + settings.accessTokenSeconds * 1000
    const entry = { grant, scope, audience, jkt, issuedAt, expiresAt, revoked: false }
    remember(provider.accessTokens, token, entry, expired(provider))
  }
  return token
}

/** OIDC Core 3.1.3.6: the left half of the access token's hash. */
function hashClaim(token: string, algorithm: string): string {
  const hash = createHash(findHash(algorithm)).update(token).digest()
  return hash.subarray(0, hash.length / 2).toString('base64url')
}

async function makeIdToken(
  provider: ProviderState,
  grant: Grant,
  accessToken: string | undefined,
  grantType: GrantType,
): Promise<string | undefined> {
  const { settings, keys } = provider
  const now = seconds(provider)
  const { session, clientId, nonce, scope } = grant
  const claims = {
    iss: getIssuer(provider),
    sub: session.sub,
    aud: clientId,
    azp: clientId,
    iat: now,
    exp: now + settings.idTokenSeconds,
    auth_time: grant.authTime,
    acr: grant.acr,
    sid: session.sid,
    // OIDC Core 12.2: an ID token from a refresh should have no nonce.
    ...(nonce !== undefined && grantType === 'authorization_code' ? { nonce } : {}),
    ...(accessToken === undefined ? {} : { at_hash: hashClaim(accessToken, keys.current.algorithm) }),
    ...releasedClaims(settings.users.get(session.sub)?.claims, scope),
  }
  return await makeToken(provider, claims, 'JWT', provider.faults.ofToken('idToken', grantType), clientId)
}

/** A refresh token with characters that clients may forget to encode. RFC 6749 appendix A.17 allows them. */
function opaqueRefreshToken(): string {
  return `${randomBytes(24).toString('base64url')}+/=&%20~`
}

/** A refresh token as in Keycloak, with a claim `typ` that distinguishes it from other tokens. */
async function jwtRefreshToken(provider: ProviderState, { session, clientId, scope, nonce }: Grant): Promise<string> {
  const claims = {
    iss: getIssuer(provider),
    aud: getIssuer(provider),
    sub: session.sub,
    typ: 'Refresh',
    azp: clientId,
    sid: session.sid,
    scope: scope.join(' '),
    iat: seconds(provider),
    jti: randomUUID(),
    ...(nonce === undefined ? {} : { nonce }),
  }
  const { algorithm, kid, privateKey } = provider.keys.current
  return await sign({ alg: algorithm, kid, typ: 'JWT' }, JSON.stringify(claims), algorithm, privateKey)
}

/**
 * Creates a refresh token. That of a public client is bound to its key, because nothing else protects it (RFC 9449 section
 * 5).
 */
export async function newRefreshToken(provider: ProviderState, grant: Grant, jkt?: string): Promise<string> {
  const isPublic = provider.settings.clients.get(grant.clientId)?.clientSecret === undefined
  const isJwt = provider.settings.refreshTokenForm === 'jwt'
  const token = isJwt ? await jwtRefreshToken(provider, grant) : opaqueRefreshToken()
  const entry = { grant, jkt: isPublic ? jkt : undefined, spent: false }
  remember(provider.refreshTokens, token, entry, (old) => !isLive(provider, old.grant))
  return token
}

/**
 * The token response for a grant: an access token, an ID token if the scope has `openid`, and a refresh token if one is
 * due. A token exchange issues only an access token.
 */
export async function tokenResponse(
  provider: ProviderState,
  grant: Grant,
  target: AccessTarget,
  grantType: GrantType,
): Promise<TestJsonObject> {
  const { faults, keys, settings } = provider
  for (const rotation of faults.rotations('before-signing')) await keys.rotate(rotation)
  const accessToken = await makeAccessToken(provider, grant, target, grantType)
  const isExchange = grantType === tokenExchange
  const idToken =
    target.scope.includes('openid') && !isExchange
      ? await makeIdToken(provider, grant, accessToken, grantType)
      : undefined
  for (const rotation of faults.rotations('after-signing')) await keys.rotate(rotation)

  const refreshTokenDue =
    grantType === 'authorization_code'
      ? settings.refreshTokens !== 'none'
      : settings.refreshTokens === 'rotating' && !isExchange
  let body: TestJsonObject = {
    ...(accessToken === undefined ? {} : { access_token: accessToken }),
    ...(isExchange ? { issued_token_type: accessTokenType } : {}),
    token_type: tokenType(target.jkt),
    expires_in: settings.accessTokenSeconds,
    scope: target.scope.join(' '),
    ...(idToken === undefined ? {} : { id_token: idToken }),
    ...(refreshTokenDue ? { refresh_token: await newRefreshToken(provider, grant, target.jkt) } : {}),
  }
  for (const change of faults.changes('tokenResponse')) body = await applyChange(body, change)
  return body
}
