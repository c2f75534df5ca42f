import { createECDH } from 'node:crypto'
import { getDPoPHandle, randomDPoPKeyPair, type CryptoKeyPair, type ServerMetadata } from 'openid-client'
import { fail } from '../core/errors.ts'
import type { Provider } from './provider.ts'
import type { DpopHandle } from './token-response.ts'

const algorithm = 'ES256'

/** A key for a login that begins. */
export interface NewDpopKey {
  /** The private key as it is kept: the member `d` of its JWK (RFC 7518 6.2.2.1), which all else follows from. */
  readonly key: string
  /** What the authorization request says of it (RFC 9449 10). */
  readonly thumbprint: string
}

/**
 * Makes a key for a login that begins.
 *
 * @throws OidcError `setup_invalid` where the provider says that it takes no such key, `provider_unavailable`
 */
export async function newDpopKey(provider: Provider): Promise<NewDpopKey> {
  const { configuration, metadata } = await provider.ready()
  refuseUnsupported(metadata)
  const pair = await randomDPoPKeyPair(algorithm, { extractable: true })
  const { d } = await crypto.subtle.exportKey('jwk', pair.privateKey)
  return { key: d as string, thumbprint: await getDPoPHandle(configuration, pair).calculateThumbprint() }
}

/** RFC 9449 5.1. A provider that does not say so may take it all the same, and is found out by the token that it issues. */
function refuseUnsupported({ dpop_signing_alg_values_supported: supported }: Readonly<ServerMetadata>): void {
  if (supported === undefined || (Array.isArray(supported) && supported.includes(algorithm))) return
  throw fail(
    'setup_invalid',
    `the option dpop takes a provider with ${algorithm}, and the dpop_signing_alg_values_supported of this one are ${JSON.stringify(supported)?.slice(0, 200)}`,
  )
}

/**
 * The handle of a login's key; undefined for a login that is bound to none. Handles are kept with the provider by their
 * keys, so that none is ever used for another login, and a nonce that a server has given is not asked for again.
 *
 * @throws Error where the key is none, `provider_unavailable`
 */
export async function dpopHandle(provider: Provider, key: string | undefined): Promise<DpopHandle | undefined> {
  if (key === undefined) return undefined
  const { dpopHandles } = provider
  let handle = dpopHandles.get(key)
  if (!handle) {
    const { configuration } = await provider.ready()
    const pair = await keyPairOf(key)
    // Another may have made one meanwhile, and it may have a nonce.
    handle = dpopHandles.get(key) ?? getDPoPHandle(configuration, pair)
  }
  // Written each time: those that are not used are forgotten.
  dpopHandles.set(key, handle)
  return handle
}

/** The option of a request of openid-client that makes it show the key. */
export function withProof(dpop: DpopHandle | undefined): { readonly DPoP?: DpopHandle } {
  return dpop ? { DPoP: dpop } : {}
}

async function keyPairOf(d: string): Promise<CryptoKeyPair> {
  // RFC 7518 6.2.2.1: of its whole length, or it is another key.
  if (!/^[\w-]{43}$/.test(d)) throw new Error('the key is none')
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(d, 'base64url')
  // SEC 1 2.3.3: one byte that says so, and the two coordinates.
  const point = ecdh.getPublicKey()
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((each) => each.toString('base64url'))
  const jwk = { kty: 'EC', crv: 'P-256', x: x as string, y: y as string }
  const kind = { name: 'ECDSA', namedCurve: 'P-256' }
  return {
    privateKey: await crypto.subtle.importKey('jwk', { ...jwk, d }, kind, false, ['sign']),
    publicKey: await crypto.subtle.importKey('jwk', jwk, kind, true, ['verify']),
  }
}
