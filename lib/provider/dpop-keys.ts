import { createECDH } from 'node:crypto'
import { getDPoPHandle, type CryptoKeyPair, type ServerMetadata } from 'openid-client'
import { fail } from '../core/errors.ts'
import type { Provider } from './provider.ts'
import type { DpopHandle } from './token-response.ts'

const algorithm = 'ES256'

/**
 * Returns the thumbprint of a new login's key, the value of `dpop_jkt` in the authorization request (RFC 9449, section 10).
 *
 * @throws OidcError `setup_invalid` if the provider's metadata exclude ES256, `provider_unavailable`
 */
export async function computeDpopThumbprint(provider: Provider, key: string): Promise<string> {
  const { configuration, metadata } = await provider.ready()
  refuseUnsupported(metadata)
  return getDPoPHandle(configuration, await importKeyPair(key)).calculateThumbprint()
}

/**
 * Throws if the provider's list of algorithms lacks ES256 (RFC 9449, section 5.1). A provider without a list may still
 * support DPoP: the type of the token that it issues shows this.
 */
function refuseUnsupported({ dpop_signing_alg_values_supported: supported }: Readonly<ServerMetadata>): void {
  if (supported === undefined || (Array.isArray(supported) && supported.includes(algorithm))) return
  throw fail(
    'setup_invalid',
    `\`dpop\` requires ${algorithm}; this provider supports ${JSON.stringify(supported)?.slice(0, 200)} (dpop_signing_alg_values_supported)`,
  )
}

/**
 * Returns the handle of a login's key; undefined if the login has none. Handles are cached by key, so that none serves
 * another login. Each holds the latest nonces of the servers, which saves requests for new ones.
 *
 * @throws Error if the key is malformed; OidcError `provider_unavailable`
 */
export async function makeDpopHandle(provider: Provider, key: string | undefined): Promise<DpopHandle | undefined> {
  if (key === undefined) return undefined
  const { dpopHandles } = provider
  let handle = dpopHandles.get(key)
  if (!handle) {
    const { configuration } = await provider.ready()
    const pair = await importKeyPair(key)
    // A concurrent request may have created one meanwhile, with a nonce.
    handle = dpopHandles.get(key) ?? getDPoPHandle(configuration, pair)
  }
  // Setting it at each use keeps it in the cache, which drops handles that are not used.
  dpopHandles.set(key, handle)
  return handle
}

/** Returns the option that makes openid-client send a DPoP proof. */
export function makeProofOption(dpop: DpopHandle | undefined): { readonly DPoP?: DpopHandle } {
  return dpop ? { DPoP: dpop } : {}
}

async function importKeyPair(d: string): Promise<CryptoKeyPair> {
  // A shorter value would be another key (RFC 7518, section 6.2.2.1).
  if (!/^[\w-]{43}$/.test(d)) throw new Error('the DPoP key is malformed')
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(d, 'base64url')
  // An uncompressed point: one byte for the format, then both coordinates (SEC 1, section 2.3.3).
  const point = ecdh.getPublicKey()
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((each) => each.toString('base64url'))
  const jwk = { kty: 'EC', crv: 'P-256', x: x as string, y: y as string }
  const kind = { name: 'ECDSA', namedCurve: 'P-256' }
  return {
    privateKey: await crypto.subtle.importKey('jwk', { ...jwk, d }, kind, false, ['sign']),
    publicKey: await crypto.subtle.importKey('jwk', jwk, kind, true, ['verify']),
  }
}
