/** Tokens that look odd and are good: a guard that refuses one of them refuses somebody's users. */
import type { BearerOptions } from 'express-session-oidc'
import { base64url, signature, type Mint } from './forged-tokens.ts'

export interface GoodToken {
  readonly name: string
  readonly token: string
  readonly guard?: Partial<BearerOptions> | undefined
}

export async function goodTokens(mint: Mint): Promise<GoodToken[]> {
  const { provider, keys, claims, header } = mint
  const now = Math.floor(Date.now() / 1000)
  const typed = (typ: string): string => mint.withHeader({ typ })
  const nameless = mint.withHeader({ kid: undefined })
  // What the predecessor could not do: the key set has EC keys before the RSA key.
  const withoutNames = [keys.ec, keys.foreign, keys.open, keys.main].map(({ jwk: { kid: _kid, ...rest } }) => rest)
  const byHeader: Record<string, string> = {
    'the unchanged one': mint.good,
    'no typ': mint.withHeader({ typ: undefined }),
    'typ at+jwt (RFC 9068)': typed('at+jwt'),
    'typ application/at+jwt': typed('application/at+jwt'),
    'typ in odd letter case': typed('Application/AT+JWT'),
    'typ jwt in small letters': typed('jwt'),
    'typ application/jwt': typed('application/jwt'),
    'no kid, where several keys fit': nameless,
    'a key without alg': mint.signedBy(keys.open),
    'RS512 by a key without alg': mint.withHeader({ alg: 'RS512', kid: 'open' }, keys.open, 'RS512'),
    'PS256 by a key without alg': mint.withHeader({ alg: 'PS256', kid: 'open' }, keys.open, 'PS256'),
    PS256: mint.signedBy(keys.pss),
    ES256: mint.signedBy(keys.ec),
    'ES256 without kid': mint.withHeader({ alg: 'ES256', kid: undefined }, keys.ec),
    'members that nobody knows': mint.withHeader({ x: { y: [1] }, nonce: 'n', b64: false, zip: 'DEF', cty: 'json' }),
    'a key of its own, which is not looked at': mint.withHeader({
      jwk: keys.foreign.jwk,
      jku: 'https://evil.example/keys',
      x5u: 'https://evil.example/certificate',
      x5t: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA',
    }),
    'b64 that is true and critical (RFC 7797)': mint.withHeader({ b64: true, crit: ['b64'] }),
    'a header with white space': mint.sign({ header: JSON.stringify(header, undefined, 2) }),
    'alg twice, the right one last': mint.sign({ header: '{"alg":"none","kid":"main","alg":"RS256"}' }),
  }
  const byClaims: Record<string, object> = {
    'aud in a list': { aud: ['account', 'orders'] },
    'aud in a list of it alone': { aud: ['orders'] },
    "Keycloak's typ": { typ: 'Bearer', realm_access: { roles: ['user'] } },
    "Keycloak's typ of bound tokens, without a binding": { typ: 'DPoP' },
    'a claim typ at+jwt': { typ: 'at+jwt' },
    'scp as a text, as Entra has it': { scp: 'orders.read', scope: undefined, ver: '2.0', tid: 't', oid: 'o' },
    'scp as a list, as Okta has it': { scp: ['orders.read'], scope: undefined },
    'no scope': { scope: undefined },
    "no sub, as in Keycloak's lightweight tokens": { sub: undefined, typ: 'Bearer' },
    'a subject of 255 characters': { sub: 'x'.repeat(255) },
    'no iat': { iat: undefined },
    'no nbf': { nbf: undefined },
    'iat and nbf in 1970': { iat: 1, nbf: 1 },
    'exp with a fraction': { exp: now + 600.5 },
    'exp in 2106': { exp: 2 ** 32 },
    'claims that nobody knows': {
      groups: ['a', 'b'],
      'https://example.com/x': { y: [null] },
      constructor: 'x',
      length: 5,
    },
    // OAuth 2.0 for browsers, implicit grant: the token is in the fragment, and is signed as any other.
    'an implicit grant': { nonce: 'n-0S6_WzA2Mj', scope: 'openid profile', session_state: 's', typ: 'Bearer' },
    'an implicit grant, said by its scope alone': { nonce: 'n-0S6_WzA2Mj', scope: 'openid profile' },
    'an implicit grant of Entra': { nonce: 'n-0S6_WzA2Mj', scope: undefined, scp: 'orders.read' },
  }
  const later = claims['exp'] as number
  return [
    ...Object.entries(byHeader).map(([name, token]) => ({ name, token })),
    ...Object.entries(byClaims).map(([name, change]) => ({ name, token: mint.withClaims(change) })),
    {
      name: 'at_hash, typ at+jwt',
      token: mint.sign({ header: { ...header, typ: 'at+jwt' }, claims: { ...claims, at_hash: 'x' } }),
    },
    { name: 'exp twice, the later one last', token: mint.withClaim('exp', '1', String(later)) },
    { name: 'exp as 1e12', token: mint.withClaim('exp', '1e12') },
    { name: 'a member called __proto__', token: mint.withClaim('__proto__', '{"cnf":{},"events":{},"sub":"mallory"}') },
    { name: 'claims with white space', token: mint.sign({ claims: `\n${JSON.stringify(claims, undefined, 2)}\n` }) },
    {
      name: 'an end within the tolerance',
      token: mint.withClaims({ exp: now - 60 }),
      guard: { clockToleranceSeconds: 300 },
    },
    {
      name: 'a begin within the tolerance',
      token: mint.withClaims({ nbf: now + 200 }),
      guard: { clockToleranceSeconds: 300 },
    },
    {
      name: 'issued within the tolerance',
      token: mint.withClaims({ iat: now + 200 }),
      guard: { clockToleranceSeconds: 300 },
    },
    { name: 'a key of the provider that came with a rotation', token: await provider.sign({ ...claims }) },
    {
      name: 'no kid, and no key has one',
      token: nameless,
      guard: { issuer: [{ issuer: provider.issuer, keys: { keys: withoutNames } }] },
    },
    {
      name: 'a kid of one of two keys with it',
      token: mint.good,
      guard: { issuer: [{ issuer: provider.issuer, keys: { keys: [keys.foreign.jwk, keys.main.jwk] } }] },
    },
    {
      name: 'keys at a URL',
      token: mint.good,
      guard: { issuer: [{ issuer: provider.issuer, keys: new URL('/jwks', provider.issuer) }] },
    },
    { name: 'as long as is looked at', token: ofLength(mint, 16_384) },
  ]
}

/** The good token, made so long by a claim and spaces. */
function ofLength({ claims, header, keys }: Mint, length: number): string {
  for (let spaces = 0; spaces < 4; spaces++) {
    const head = base64url(JSON.stringify(header) + ' '.repeat(spaces))
    const left = length - head.length - 344
    const json = JSON.stringify({ ...claims, note: '' })
    const note = 'x'.repeat(Math.floor((left * 3) / 4) - json.length)
    const input = `${head}.${base64url({ ...claims, note })}`
    const token = `${input}.${signature(input, 'RS256', keys.main.privateKey)}`
    if (token.length === length) return token
  }
  throw new Error('no such length')
}
