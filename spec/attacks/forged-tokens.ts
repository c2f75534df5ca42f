/** A valid access token, and tools to make tokens that differ from it in exactly one respect. */
import { constants, KeyObject, sign } from 'node:crypto'
import type { BearerOptions } from 'express-session-oidc'
import { oddKeys, startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose'
import { withMember } from '../tokens/support/odd-json.ts'

/** The audience of the valid token. */
export const audience = 'orders'

/** A token that the guard must reject. */
export interface Forgery {
  readonly name: string
  /** The credentials after `Bearer `. */
  readonly token: string
  /** Matches the `detail` of the event. */
  readonly why: RegExp
  /** The reason that the response may give. Default: none (`other`). */
  readonly reported?: 'other' | 'expired' | 'audience' | 'malformed' | undefined
  /** The token that the same guard accepts. Default: the valid one. */
  readonly control?: string | undefined
  /** The token itself is verified, so `roles` is called, but the proof that it also requires is missing. */
  readonly isVerified?: true | undefined
  /** Additional options of the guard. */
  readonly guard?: Partial<BearerOptions> | undefined
}

/** A key pair of the specs. The provider publishes all but `former` and `foreign`. */
export interface OwnKey {
  readonly algorithm: string
  readonly kid: string
  readonly privateKey: KeyObject
  readonly jwk: JWK
}

interface Text {
  /** An object, or raw bytes instead of its JSON. */
  readonly header?: object | string | Buffer
  readonly claims?: object | string | Buffer
  readonly key?: OwnKey
  /** The algorithm of the signature. Default: that of the key. */
  readonly algorithm?: string
}

/** Signs as in RFC 7518 3, even with an unsuitable key. */
export function signature(input: string, algorithm: string, key: KeyObject): string {
  const hash = algorithm.startsWith('Ed') ? null : `sha${algorithm.slice(2)}`
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  const how = algorithm.startsWith('PS') ? pss : { dsaEncoding: 'ieee-p1363' as const }
  return sign(hash, Buffer.from(input), { key, ...how }).toString('base64url')
}

export function base64url(given: object | string | Buffer): string {
  const isRaw = typeof given === 'string' || Buffer.isBuffer(given)
  return Buffer.from(isRaw ? (given as string) : JSON.stringify(given)).toString('base64url')
}

async function ownKey(algorithm: string, kid: string, members: object = {}): Promise<OwnKey> {
  const pair = await generateKeyPair(algorithm, { extractable: true })
  const jwk: JWK = { kid, ...(await exportJWK(pair.publicKey)), ...members }
  return { algorithm, kid, jwk, privateKey: privateKeyObject(pair.privateKey) }
}

export function privateKeyObject(key: CryptoKey): KeyObject {
  return KeyObject.from(key)
}

/** An RSA key that is too short (RFC 7518 3.3). jose refuses to generate one. */
async function shortKey(): Promise<OwnKey> {
  const parameters = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 1024 }
  const pair = await crypto.subtle.generateKey({ ...parameters, publicExponent: new Uint8Array([1, 0, 1]) }, true, [
    'sign',
    'verify',
  ])
  const jwk = { kid: 'short', ...(await exportJWK(pair.publicKey)) }
  return { algorithm: 'RS256', kid: 'short', jwk, privateKey: KeyObject.from(pair.privateKey) }
}

async function ownKeys() {
  const [main, open, ec, enc, encRsa, signOnly, encryptOnly, pss, short, former, foreign] = await Promise.all([
    ownKey('RS256', 'main', { use: 'sig', alg: 'RS256' }),
    // Without `use` and `alg`.
    ownKey('RS256', 'open'),
    ownKey('ES256', 'ec', { use: 'sig', alg: 'ES256' }),
    ownKey('ES256', 'enc', { use: 'enc' }),
    ownKey('RS256', 'enc-rsa', { use: 'enc' }),
    ownKey('ES256', 'sign-only', { key_ops: ['sign'] }),
    ownKey('ES256', 'encrypt-only', { key_ops: ['encrypt', 'wrapKey'] }),
    ownKey('PS256', 'pss', { use: 'sig', alg: 'PS256' }),
    shortKey(),
    ownKey('ES256', 'former'),
    ownKey('RS256', 'main'),
  ])
  return { main, open, ec, enc, encRsa, signOnly, encryptOnly, pss, short, former, foreign }
}

/** Makes valid and forged tokens of one provider. */
export class Mint {
  readonly provider: TestProvider
  readonly keys: Awaited<ReturnType<typeof ownKeys>>
  readonly claims: Readonly<Record<string, unknown>>
  readonly header: Readonly<Record<string, unknown>>
  readonly good: string

  /** Starts a provider that publishes unusual keys and the keys of the specs before its own. */
  static async open(): Promise<Mint> {
    const [provider, keys, odd] = await Promise.all([
      startTestProvider({ signIn: 'alice', audience }),
      ownKeys(),
      oddKeys(),
    ])
    const { former: _former, foreign: _foreign, ...published } = keys
    const own = Object.values(published).map(({ jwk }) => jwk)
    provider.misbehave({ jwks: ({ keys: theirs }) => ({ keys: [...odd, ...own, ...theirs] }) })
    return new Mint(provider, keys)
  }

  private constructor(provider: TestProvider, keys: Mint['keys']) {
    this.provider = provider
    this.keys = keys
    const now = Math.floor(Date.now() / 1000)
    this.header = { alg: 'RS256', kid: 'main', typ: 'JWT' }
    this.claims = {
      iss: provider.issuer,
      sub: 'alice',
      aud: audience,
      azp: 'web',
      client_id: 'web',
      scope: 'openid orders:read',
      iat: now - 5,
      nbf: now - 5,
      exp: now + 3600,
      jti: '7b1d0c52',
      auth_time: now - 60,
    }
    this.good = this.sign({})
  }

  /** The valid token with the given changes. */
  sign({ header = this.header, claims = this.claims, key = this.keys.main, algorithm = key.algorithm }: Text): string {
    const input = `${base64url(header)}.${base64url(claims)}`
    return `${input}.${signature(input, algorithm, key.privateKey)}`
  }

  /** The valid token with changed claims; `undefined` removes one. */
  withClaims(claims: object): string {
    return this.sign({ claims: { ...this.claims, ...claims } })
  }

  /** The valid token with a claim given as JSON text; no text removes the claim, several texts repeat it. */
  withClaim(name: string, ...json: readonly (string | undefined)[]): string {
    return this.sign({ claims: withMember(JSON.stringify(this.claims), name, ...json) })
  }

  /** The valid token with changed header members; `undefined` removes one. */
  withHeader(header: object, key?: OwnKey, algorithm?: string): string {
    return this.sign({ header: { ...this.header, ...header }, ...(key && { key }), ...(algorithm && { algorithm }) })
  }

  /** The valid token, signed by another key, with the `kid` of that key. */
  signedBy(key: OwnKey): string {
    return this.withHeader({ alg: key.algorithm, kid: key.kid }, key)
  }
}
