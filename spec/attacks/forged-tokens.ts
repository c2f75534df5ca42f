/** A good access token, and what it takes to make one that differs from it in one thing alone. */
import { constants, KeyObject, sign, type webcrypto } from 'node:crypto'
import type { BearerOptions } from 'express-session-oidc'
import { oddKeys, startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { exportJWK, generateKeyPair, type CryptoKey, type JWK } from 'jose'
import { withMember } from '../tokens/support/odd-json.ts'

/** Who the tokens of these specs are meant for. */
export const audience = 'orders'

/** A token that is to be refused. */
export interface Forgery {
  readonly name: string
  /** What comes after `Bearer `. */
  readonly token: string
  /** What the event has to say. */
  readonly why: RegExp
  /** What the client may know. Default: nothing (`other`). */
  readonly told?: 'other' | 'expired' | 'audience' | 'malformed' | undefined
  /** The token that passes where this one does not. Default: the good one. */
  readonly control?: string | undefined
  /** The token itself is good, and so its roles are asked for: what it takes besides is missing. */
  readonly isVerified?: true | undefined
  /** Options of the guard besides the common ones. */
  readonly guard?: Partial<BearerOptions> | undefined
}

/** A key pair of the specs' own; published by the provider unless it says otherwise. */
export interface OwnKey {
  readonly algorithm: string
  readonly kid: string
  readonly privateKey: KeyObject
  readonly jwk: JWK
}

interface Text {
  /** An object, or the bytes in its place. */
  readonly header?: object | string | Buffer
  readonly claims?: object | string | Buffer
  readonly key?: OwnKey
  /** What the signature is made with. Default: what the key is for. */
  readonly algorithm?: string
}

/** Signs as RFC 7518 3 has it, with whatever key. */
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
  return KeyObject.from(key as webcrypto.CryptoKey)
}

/** An RSA key that is too short (RFC 7518 3.3), which jose does not make. */
async function shortKey(): Promise<OwnKey> {
  const parameters = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 1024 }
  const pair = (await crypto.subtle.generateKey({ ...parameters, publicExponent: new Uint8Array([1, 0, 1]) }, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair
  const jwk = { kid: 'short', ...(await exportJWK(pair.publicKey as CryptoKey)) }
  return { algorithm: 'RS256', kid: 'short', jwk, privateKey: KeyObject.from(pair.privateKey) }
}

async function ownKeys() {
  const [main, open, ec, enc, encRsa, signOnly, encryptOnly, pss, short, former, foreign] = await Promise.all([
    ownKey('RS256', 'main', { use: 'sig', alg: 'RS256' }),
    // Says of no algorithm that it is for it.
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

/** Makes tokens, good ones and others, of one provider. */
export class Mint {
  readonly provider: TestProvider
  readonly keys: Awaited<ReturnType<typeof ownKeys>>
  readonly claims: Readonly<Record<string, unknown>>
  readonly header: Readonly<Record<string, unknown>>
  readonly good: string

  /** A provider that publishes the keys here before its own, with keys of odd kinds among them. */
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

  /** The good token, but for what is given. */
  sign({ header = this.header, claims = this.claims, key = this.keys.main, algorithm = key.algorithm }: Text): string {
    const input = `${base64url(header)}.${base64url(claims)}`
    return `${input}.${signature(input, algorithm, key.privateKey)}`
  }

  /** The good token with other claims; `undefined` takes one out. */
  withClaims(claims: object): string {
    return this.sign({ claims: { ...this.claims, ...claims } })
  }

  /** The good token with a claim of such JSON texts: none leaves it out, several make it come again. */
  withClaim(name: string, ...json: readonly (string | undefined)[]): string {
    return this.sign({ claims: withMember(JSON.stringify(this.claims), name, ...json) })
  }

  /** The good token with other members of its header; `undefined` takes one out. */
  withHeader(header: object, key?: OwnKey, algorithm?: string): string {
    return this.sign({ header: { ...this.header, ...header }, ...(key && { key }), ...(algorithm && { algorithm }) })
  }

  /** The good token, signed by another key, which it names. */
  signedBy(key: OwnKey): string {
    return this.withHeader({ alg: key.algorithm, kid: key.kid }, key)
  }
}
