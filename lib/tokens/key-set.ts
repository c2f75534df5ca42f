import { createLocalJWKSet, type JSONWebKeySet, type JWK } from 'jose'
import { Bucket } from '../core/bucket.ts'
import { OidcError, providerUnavailable } from '../core/errors.ts'
import { SingleFlight } from '../core/single-flight.ts'

/** A set older than this is fetched anew behind the verification that finds it so. */
const refreshAfterMs = 600_000
/** A refresh that failed is tried again after this. */
const retryAfterMs = 30_000
/** A set is used for so long while no newer one can be had. */
const staleAfterMs = 86_400_000
/** Keys of a set that are looked at. */
const mostKeys = 100
/** Fetches that tokens with an unknown key may cause: so many at once, and then one in so long. */
const mostUnknown = 3
const unknownEveryMs = 30_000
/** The same where there are no keys at all, of a provider that is down. */
const mostWithout = 3
const withoutEveryMs = 1000

/** The keys to verify with: what jose calls a key resolver. */
export type KeyLookup = ReturnType<typeof createLocalJWKSet>

/** The key set of one provider: fetched once at a time, refreshed in the background, kept through an outage. */
export class Keys {
  readonly #fetch: () => Promise<unknown>
  readonly #flight = new SingleFlight<KeyLookup>()
  /** Told of what fails behind a request, where nobody else would hear of it. */
  readonly #onFault: (detail: string | undefined) => void
  readonly #unknown = new Bucket(mostUnknown, unknownEveryMs)
  readonly #without = new Bucket(mostWithout, withoutEveryMs)
  #isGiven = false
  #lookup: KeyLookup | undefined
  #content = ''
  #fetchedAt = 0
  #refreshAt = 0

  constructor(fetch: () => Promise<unknown>, onFault: (detail: string | undefined) => void) {
    this.#fetch = fetch
    this.#onFault = onFault
  }

  /** Keys that are given, and do not change. */
  static of(set: object): Keys {
    const keys = new Keys(
      () => Promise.resolve(set),
      () => {},
    )
    keys.#isGiven = true
    return keys
  }

  /**
   * The keys that may be used without waiting; has them refreshed in the background where it is time. It is the same
   * object for as long as they are the same keys.
   */
  get atHand(): KeyLookup | undefined {
    const now = Date.now()
    if (!this.#lookup || now - this.#fetchedAt > staleAfterMs) return undefined
    // A clock that was set back must not keep them for longer.
    if ((now >= this.#refreshAt || now < this.#fetchedAt) && !this.#flight.isRunning) {
      this.fetched().catch((fault: OidcError) => {
        this.#refreshAt = Date.now() + retryAfterMs
        this.#onFault(fault.detail)
      })
    }
    return this.#lookup
  }

  /** The keys at hand, fetched where there are none or they are too old. Throws `provider_unavailable`. */
  async current(): Promise<KeyLookup> {
    return this.atHand ?? this.fetched()
  }

  /** The same for a token that anyone may have made up, who must not have us knock at a provider that is down. */
  async currentForPresented(): Promise<KeyLookup> {
    return this.atHand ?? this.#fetchedFrom(this.#without, 'they cannot be had')
  }

  /** The keys as the provider publishes them now. */
  fetched(): Promise<KeyLookup> {
    return this.#flight.run(async () => {
      try {
        const set = usable(await this.#fetch())
        const content = JSON.stringify(set)
        // With the same keys the lookup stays, and with it what jose has imported.
        if (!this.#lookup || content !== this.#content) {
          this.#lookup = createLocalJWKSet(set)
          this.#content = content
        }
        this.#fetchedAt = Date.now()
        this.#refreshAt = this.#fetchedAt + refreshAfterMs
        return this.#lookup
      } catch (error) {
        throw error instanceof OidcError ? error : providerUnavailable('key set: it cannot be read')
      }
    })
  }

  /**
   * The keys as the provider publishes them now, for a token with an unknown key that anyone may have made up: fetched a
   * few times and then once in a while, or who sends such tokens would have us send as many requests. Throws
   * `provider_unavailable` in between, since a key that was added just now cannot be told from none.
   */
  async fetchedForUnknown(): Promise<KeyLookup> {
    return this.#isGiven ? this.current() : this.#fetchedFrom(this.#unknown, 'asked for unknown keys too often')
  }

  #fetchedFrom(bucket: Bucket, why: string): Promise<KeyLookup> {
    // Whoever comes while they are fetched anyway takes nothing.
    const waitMs = this.#flight.isRunning ? 0 : bucket.take()
    return waitMs > 0 ? Promise.reject(providerUnavailable(`key set: ${why}`, waitMs / 1000)) : this.fetched()
  }
}

/** The set without what is no signature key: a provider may publish keys of kinds that are not known here. */
function usable(set: unknown): JSONWebKeySet {
  const keys = (set as { keys?: unknown } | null)?.keys
  if (!Array.isArray(keys)) throw providerUnavailable('key set: it has no list of keys')
  return {
    keys: keys.slice(0, mostKeys).filter((key): key is JWK => {
      if (key === null || typeof key !== 'object') return false
      const { kty, use } = key as JWK
      return (kty === 'RSA' || kty === 'EC' || kty === 'OKP') && (use === undefined || use === 'sig')
    }),
  }
}
