/** Unusual but valid tokens: a guard that rejects one of them locks out real users. */
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
  // The predecessor of this package failed if a key set had EC keys before the RSA key.
  const withoutNames = [keys.ec, keys.foreign, keys.open, keys.main].map(({ jwk: { kid: _kid, ...rest } }) => rest)
  const byHeader: Record<string, string> = {
    'no changes': mint.good,
    'no typ': mint.withHeader({ typ: undefined }),
    'typ at+jwt (RFC 9068)': typed('at+jwt'),
    'typ application/at+jwt': typed('application/at+jwt'),
    'typ in mixed case': typed('Application/AT+JWT'),
    'typ jwt in lowercase': typed('jwt'),
    'typ application/jwt': typed('application/jwt'),
    'no kid although several keys match': nameless,
    'a key without alg': mint.signedBy(keys.open),
    'RS512 by a key without alg': mint.withHeader({ alg: 'RS512', kid: 'open' }, keys.open, 'RS512'),
    'PS256 by a key without alg': mint.withHeader({ alg: 'PS256', kid: 'open' }, keys.open, 'PS256'),
    PS256: mint.signedBy(keys.pss),
    ES256: mint.signedBy(keys.ec),
    'ES256 without kid': mint.withHeader({ alg: 'ES256', kid: undefined }, keys.ec),
    'unknown header members': mint.withHeader({ x: { y: [1] }, nonce: 'n', b64: false, zip: 'DEF', cty: 'json' }),
    'a key in its header, which is ignored': mint.withHeader({
      jwk: keys.foreign.jwk,
      jku: 'https://evil.example/keys',
      x5u: 'https://evil.example/certificate',
      x5t: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA',
    }),
    'b64 true and critical (RFC 7797)': mint.withHeader({ b64: true, crit: ['b64'] }),
    'white space in its header': mint.sign({ header: JSON.stringify(header, undefined, 2) }),
    'alg twice, the valid one last': mint.sign({ header: '{"alg":"none","kid":"main","alg":"RS256"}' }),
  }
  const byClaims: Record<string, object> = {
    'aud as an array': { aud: ['account', 'orders'] },
    'aud as an array of one': { aud: ['orders'] },
    "Keycloak's typ": { typ: 'Bearer', realm_access: { roles: ['user'] } },
    "Keycloak's typ of bound tokens but no cnf": { typ: 'DPoP' },
    'a claim typ at+jwt': { typ: 'at+jwt' },
    'scp as a string, as of Entra': { scp: 'orders.read', scope: undefined, ver: '2.0', tid: 't', oid: 'o' },
    'scp as an array, as of Okta': { scp: ['orders.read'], scope: undefined },
    'no scope': { scope: undefined },
    "no sub, as of Keycloak's lightweight tokens": { sub: undefined, typ: 'Bearer' },
    'a subject of 255 characters': { sub: 'x'.repeat(255) },
    'no iat': { iat: undefined },
    'no nbf': { nbf: undefined },
    'iat and nbf in 1970': { iat: 1, nbf: 1 },
    'exp with a fraction': { exp: now + 600.5 },
    'exp in 2106': { exp: 2 ** 32 },
    'unknown claims': {
      groups: ['a', 'b'],
      'https://example.com/x': { y: [null] },
      constructor: 'x',
      length: 5,
    },
    // Access tokens of the implicit grant may carry a nonce. They are signed like all others.
    'the claims of an implicit grant': {
      nonce: 'n-0S6_WzA2Mj',
      scope: 'openid profile',
      session_state: 's',
      typ: 'Bearer',
    },
    'a nonce and a scope, as of an implicit grant': { nonce: 'n-0S6_WzA2Mj', scope: 'openid profile' },
    'a nonce and scp, as of an implicit grant of Entra': {
      nonce: 'n-0S6_WzA2Mj',
      scope: undefined,
      scp: 'orders.read',
    },
  }
  const later = claims['exp'] as number
  return [
    ...Object.entries(byHeader).map(([name, token]) => ({ name, token })),
    ...Object.entries(byClaims).map(([name, change]) => ({ name, token: mint.withClaims(change) })),
    {
      name: 'at_hash and typ at+jwt',
      token: mint.sign({ header: { ...header, typ: 'at+jwt' }, claims: { ...claims, at_hash: 'x' } }),
    },
    { name: 'exp twice, the later one last', token: mint.withClaim('exp', '1', String(later)) },
    { name: 'exp as 1e12', token: mint.withClaim('exp', '1e12') },
    { name: 'a member called __proto__', token: mint.withClaim('__proto__', '{"cnf":{},"events":{},"sub":"mallory"}') },
    { name: 'white space in its claims', token: mint.sign({ claims: `\n${JSON.stringify(claims, undefined, 2)}\n` }) },
    {
      name: 'an exp within the tolerance',
      token: mint.withClaims({ exp: now - 60 }),
      guard: { clockToleranceSeconds: 300 },
    },
    {
      name: 'an nbf within the tolerance',
      token: mint.withClaims({ nbf: now + 200 }),
      guard: { clockToleranceSeconds: 300 },
    },
    {
      name: 'an iat within the tolerance',
      token: mint.withClaims({ iat: now + 200 }),
      guard: { clockToleranceSeconds: 300 },
    },
    { name: 'a signature by a key that a rotation added', token: await provider.sign({ ...claims }) },
    {
      name: 'no kid for keys without kid',
      token: nameless,
      guard: { issuer: [{ issuer: provider.issuer, keys: { keys: withoutNames } }] },
    },
    {
      name: 'a kid that two keys have',
      token: mint.good,
      guard: { issuer: [{ issuer: provider.issuer, keys: { keys: [keys.foreign.jwk, keys.main.jwk] } }] },
    },
    {
      name: 'its keys at a URL',
      token: mint.good,
      guard: { issuer: [{ issuer: provider.issuer, keys: new URL('/jwks', provider.issuer) }] },
    },
    { name: 'the maximum length', token: ofLength(mint, 16_384) },
  ]
}

/** The valid token, padded to the given length by a claim and spaces. */
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
