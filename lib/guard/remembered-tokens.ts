import { GenerationalCache } from '../core/generational-cache.ts'
import type { BearerAuth } from './bearer-auth.ts'

/** Limits of one guard's cache: the number of tokens, and their approximate memory. */
const mostTokens = 10_000
const mostBytes = 32 * 1024 * 1024
/** Memory for each character of a token: one byte of text, and about three bytes of claims as objects (measured). */
const bytesPerCharacter = 4
/** Memory for each character of claims as JSON. Base64url has four characters for three of them. */
const bytesPerClaimCharacter = 4

/**
 * Length above which a token is looked up by its end, a part of its signature. Comparing the whole text after that takes
 * much less time than hashing it.
 */
const longestKey = 200
const endLength = 43
/** Length of the end by which `wasSeen` recognizes a token. If two have the same end, one is cached too early. */
const traceLength = 12

/** The keys that a token was verified with. If the key set has changed since, the result may differ. */
export interface VerifiedWith {
  readonly keys: { readonly atHand: unknown }
  readonly lookup: unknown
  /** Whether there are claims that the token does not contain, so that its length says nothing about their size. */
  readonly hasOtherClaims?: boolean
}

const noKeys: VerifiedWith = { keys: { atHand: undefined }, lookup: undefined, hasOtherClaims: true }

interface Entry extends VerifiedWith {
  readonly token: string
  readonly auth: BearerAuth
  /** When the cache entry expires, by the monotonic clock. */
  readonly forgetAtMs: number
  /** When the token expires, by the wall clock, because the token states that time. */
  readonly expiresAtMs: number
}

/**
 * A cache of verified tokens. It stores only valid tokens, so that forged ones take no room. It compares whole texts, so
 * that no token is taken for another.
 */
export class RememberedTokens {
  readonly #entries: GenerationalCache<Entry>
  readonly #seen: GenerationalCache<true>
  readonly #rememberMs: number

  constructor(
    cacheSeconds: number,
    most: { tokens: number; bytes: number } = { tokens: mostTokens, bytes: mostBytes },
  ) {
    this.#rememberMs = cacheSeconds * 1000
    this.#entries = new GenerationalCache(most.tokens, most.bytes)
    this.#seen = new GenerationalCache(most.tokens)
  }

  get size(): number {
    return this.#entries.size
  }

  /** Returns the cached result of a token; undefined if the entry or the token has expired, or the keys have changed. */
  get(token: string): BearerAuth | undefined {
    const key = makeCacheKey(token)
    const entry = this.#entries.get(key)
    if (entry?.token !== token) return undefined
    const { keys, lookup, forgetAtMs, expiresAtMs, auth } = entry
    if (performance.now() < forgetAtMs && Date.now() < expiresAtMs && keys.atHand === lookup) return auth
    this.#entries.delete(key)
    return undefined
  }

  /**
   * Whether a valid token was presented before; records it. Caching a token takes a tenth of the time of its verification,
   * and may evict another. Clients that use a new token for each request must not evict the tokens of all others.
   */
  wasSeen(token: string): boolean {
    const trace = token.slice(-traceLength)
    if (this.#seen.get(trace)) return true
    this.#seen.set(trace, true)
    return false
  }

  /** Caches a token that was just verified. `endsAt` is the last second since the epoch at which it is valid. */
  set(token: string, auth: BearerAuth, endsAt: number, by: VerifiedWith): void {
    this.#remember(token, auth, endsAt, this.#rememberMs, by)
  }

  /** Caches a token whose claims come from introspection, and so do not depend on keys. */
  setAnswered(token: string, auth: BearerAuth, endsAt: number, seconds: number): void {
    this.#remember(token, auth, endsAt, seconds * 1000, noKeys)
  }

  #remember(token: string, auth: BearerAuth, endsAt: number, rememberMs: number, by: VerifiedWith): void {
    if (rememberMs === 0) return
    const { keys, lookup, hasOtherClaims = false } = by
    const [forgetAtMs, expiresAtMs] = [performance.now() + rememberMs, endsAt * 1000]
    const otherBytes = hasOtherClaims ? measureClaims(auth) * bytesPerClaimCharacter : 0
    const entry = { token, auth, keys, lookup, forgetAtMs, expiresAtMs }
    this.#entries.set(makeCacheKey(token), entry, token.length * bytesPerCharacter + otherBytes)
  }
}

function makeCacheKey(token: string): string {
  return token.length > longestKey ? token.slice(-endLength) : token
}

/** Returns the size of claims as JSON, in characters. An application's `distributedClaims` may return what JSON cannot. */
function measureClaims({ claims }: BearerAuth): number {
  try {
    return JSON.stringify(claims).length
  } catch {
    return 0
  }
}
