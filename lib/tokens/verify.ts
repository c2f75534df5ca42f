import {
  decodeProtectedHeader,
  errors,
  jwtVerify,
  type CryptoKey,
  type JWTPayload,
  type JWTVerifyOptions,
  type JWTVerifyResult,
} from 'jose'
import { isKeyMismatch } from './token-rejected.ts'
import type { KeyLookup, Keys } from './key-set.ts'

/**
 * Verifies a token that has just come from the provider. If no key matches, the keys may have been rotated: the set is then
 * fetched again immediately, but only once.
 */
export async function verifyFresh(token: string, keys: Keys, options: JWTVerifyOptions): Promise<JWTPayload> {
  const current = await keys.current()
  try {
    return (await verifyWith(token, current, options)).payload
  } catch (error) {
    if (!isKeyMismatch(error)) throw error
  }
  return (await verifyWith(token, await keys.fetched(), options)).payload
}

/** A verified token, with the keys that it was verified with. */
export interface VerifiedPresented {
  readonly result: JWTVerifyResult
  readonly lookup: KeyLookup
}

/**
 * Verifies a token that may be forged. If its key is unknown, the keys are fetched again, but only a limited number of
 * times.
 */
export async function verifyPresented(
  token: string,
  keys: Keys,
  options: JWTVerifyOptions,
): Promise<VerifiedPresented> {
  const lookup = keys.atHand ?? (await keys.currentForPresented())
  try {
    return { result: await verifyWith(token, lookup, options), lookup }
  } catch (error) {
    if (!canHaveNewKey(token, error)) throw error
  }
  const fetched = await keys.fetchedForUnknown()
  return { result: await verifyWith(token, fetched, options), lookup: fetched }
}

/** Whether a newly published key may have signed the token. It cannot if the key with its `kid` is known. */
function canHaveNewKey(token: string, error: unknown): boolean {
  return isKeyMismatch(error) && (isNoKey(error) || readKid(token) === undefined)
}

function isNoKey(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ERR_JWKS_NO_MATCHING_KEY'
}

function readKid(token: string): unknown {
  try {
    return decodeProtectedHeader(token).kid
  } catch {
    return undefined
  }
}

/** Verifies a token with one key set. If several keys match, because the token has no `kid`, each is tried. */
export async function verifyWith(
  token: string,
  lookup: KeyLookup,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  try {
    return await jwtVerify(token, lookup, options)
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    return verifyWithAny(token, error, options)
  }
}

async function verifyWithAny(
  token: string,
  matching: errors.JWKSMultipleMatchingKeys,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  let failure: unknown = matching
  for await (const key of matching as AsyncIterable<CryptoKey>) {
    try {
      return await jwtVerify(token, key, options)
    } catch (error) {
      // An unusable key, such as one that is too short, says nothing about the token.
      if (!(error instanceof errors.JOSEError)) continue
      failure = error
      if (!isKeyMismatch(error)) throw error
    }
  }
  throw failure
}
