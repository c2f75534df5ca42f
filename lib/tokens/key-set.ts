import { createLocalJWKSet, type JSONWebKeySet, type JWK } from 'jose'
import { TokenBucket } from '../core/bucket.ts'
import { OidcError, providerUnavailable } from '../core/errors.ts'
import { SingleFlight } from '../core/single-flight.ts'

/** Age at which a key set is fetched again in the background. */
const refreshAfterMs = 600_000
/** Delay before a failed refresh is repeated. */
const retryAfterMs = 30_000
/** Maximum age of a key set while no newer one can be fetched. */
const staleAfterMs = 86_400_000
/** Maximum number of keys that are used from a set. */
const mostKeys = 100
/** Limit on fetches for tokens with an unknown key: this many at once, then one in each interval. */
const mostUnknown = 3
const unknownEveryMs = 30_000
/** The same limit while there are no keys at all, because the provider is down. */
const mostWithout = 3
const withoutEveryMs = 1000

/** A key resolver of jose. */
export type KeyLookup = ReturnType<typeof createLocalJWKSet>

/**
 * The key set of one provider. Concurrent callers share one fetch. Refreshes run in the background, and keys are kept
 * through an outage.
 */
export class Keys {
  readonly #fetch: () => Promise<unknown>
  readonly #flight = new SingleFlight<KeyLookup>()
  /** Reports failures in the background, which affect no request. */
  readonly #onFault: (fault: OidcError) => void
  readonly #unknown = new TokenBucket(mostUnknown, unknownEveryMs)
  readonly #without = new TokenBucket(mostWithout, withoutEveryMs)
  #isGiven = false
  #lookup: KeyLookup | undefined
  #content = ''
  #fetchedAt = 0
  #refreshAt = 0

  constructor(fetch: () => Promise<unknown>, onFault: (fault: OidcError) => void) {
    this.#fetch = fetch
    this.#onFault = onFault
  }

  /** Creates a key set that does not change. */
  static of(set: object): Keys {
    const keys = new Keys(
      () => Promise.resolve(set),
      () => {},
    )
    keys.#isGiven = true
    return keys
  }

  /**
   * The keys that can be used without waiting. Reading this property starts a background refresh when one is due. The
   * object stays the same while the keys do.
   */
  get atHand(): KeyLookup | undefined {
    const now = performance.now()
    if (!this.#lookup || now - this.#fetchedAt > staleAfterMs) return undefined
    if (now >= this.#refreshAt && !this.#flight.isRunning) {
      this.fetched().catch((fault: OidcError) => {
        this.#refreshAt = performance.now() + retryAfterMs
        this.#onFault(fault)
      })
    }
    return this.#lookup
  }

  /**
   * Returns the current keys, and fetches them first if there are none or they are too old.
   *
   * @throws OidcError `provider_unavailable`
   */
  async current(): Promise<KeyLookup> {
    return this.atHand ?? this.fetched()
  }

  /** Returns the same as `current`, for a token that may be forged: requests to a provider that is down are limited. */
  async currentForPresented(): Promise<KeyLookup> {
    return this.atHand ?? this.#fetchedFrom(this.#without, 'it is unavailable, and was requested too often')
  }

  /** Fetches the keys that the provider publishes now. */
  fetched(): Promise<KeyLookup> {
    return this.#flight.run(async () => {
      try {
        const set = selectUsableKeys(await this.#fetch())
        const content = JSON.stringify(set)
        // While the keys stay the same, so does the lookup, with the keys that jose has imported.
        if (!this.#lookup || content !== this.#content) {
          this.#lookup = createLocalJWKSet(set)
          this.#content = content
        }
        this.#fetchedAt = performance.now()
        this.#refreshAt = this.#fetchedAt + refreshAfterMs
        return this.#lookup
      } catch (error) {
        throw error instanceof OidcError ? error : providerUnavailable('key set: the response is not a valid key set')
      }
    })
  }

  /**
   * Fetches the keys for a token with an unknown key. The token may be forged, so the number of requests is limited.
   *
   * @throws OidcError `provider_unavailable` also beyond the limit, because the key may be a new one.
   */
  async fetchedForUnknown(): Promise<KeyLookup> {
    return this.#isGiven
      ? this.current()
      : this.#fetchedFrom(this.#unknown, 'it was requested too often for unknown keys')
  }

  #fetchedFrom(bucket: TokenBucket, why: string): Promise<KeyLookup> {
    // A fetch that is running anyway does not count.
    const waitMs = this.#flight.isRunning ? 0 : bucket.take()
    return waitMs > 0 ? Promise.reject(providerUnavailable(`key set: ${why}`, waitMs / 1000)) : this.fetched()
  }
}

/** Drops the keys that cannot verify signatures: a provider may publish keys of any kind. */
function selectUsableKeys(set: unknown): JSONWebKeySet {
  const keys = (set as { keys?: unknown } | null)?.keys
  if (!Array.isArray(keys)) throw providerUnavailable('key set: keys is not an array')
  return {
    keys: keys.slice(0, mostKeys).filter((key): key is JWK => {
      if (key === null || typeof key !== 'object') return false
      const { kty, use } = key as JWK
      return (kty === 'RSA' || kty === 'EC' || kty === 'OKP') && (use === undefined || use === 'sig')
    }),
  }
}
