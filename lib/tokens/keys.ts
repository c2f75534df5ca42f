import { createLocalJWKSet, type JSONWebKeySet, type JWK } from 'jose'
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

/** The keys to verify with: what jose calls a key resolver. */
export type KeyLookup = ReturnType<typeof createLocalJWKSet>

/** The key set of one provider: fetched once at a time, refreshed in the background, kept through an outage. */
export class Keys {
  readonly #fetch: () => Promise<unknown>
  readonly #flight = new SingleFlight<KeyLookup>()
  /** Told of what fails behind a request, where nobody else would hear of it. */
  readonly #onFault: (detail: string | undefined) => void
  #lookup: KeyLookup | undefined
  #fetchedAt = 0
  #refreshAt = 0

  constructor(fetch: () => Promise<unknown>, onFault: (detail: string | undefined) => void) {
    this.#fetch = fetch
    this.#onFault = onFault
  }

  /** The keys at hand, fetched where there are none or they are too old. Throws `provider_unavailable`. */
  async current(): Promise<KeyLookup> {
    const age = Date.now() - this.#fetchedAt
    if (!this.#lookup || age > staleAfterMs) return this.fetched()
    if (Date.now() >= this.#refreshAt && !this.#flight.isRunning) {
      this.fetched().catch((fault: OidcError) => {
        this.#refreshAt = Date.now() + retryAfterMs
        this.#onFault(fault.detail)
      })
    }
    return this.#lookup
  }

  /** The keys as the provider publishes them now. */
  fetched(): Promise<KeyLookup> {
    return this.#flight.run(async () => {
      try {
        const lookup = createLocalJWKSet(usable(await this.#fetch()))
        this.#lookup = lookup
        this.#fetchedAt = Date.now()
        this.#refreshAt = this.#fetchedAt + refreshAfterMs
        return lookup
      } catch (error) {
        throw error instanceof OidcError ? error : providerUnavailable('key set: it cannot be read')
      }
    })
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
