import {
  Configuration,
  allowInsecureRequests,
  clockTolerance,
  customFetch,
  discovery,
  type ClientMetadata,
  type CustomFetch,
  type ServerMetadata,
} from 'openid-client'
import { tenantTemplate } from '../config/issuer-rules.ts'
import type { ResolvedOptions } from '../config/resolve.ts'
import { fail, type OidcError, providerUnavailable } from '../core/errors.ts'
import { GenerationalCache } from '../core/generational-cache.ts'
import { SingleFlight } from '../core/single-flight.ts'
import { requireMetadata } from './check-metadata.ts'
import { makeClientAuth } from './client-auth.ts'
import { convertDiscoveryError, type DiscoveryAttempt } from './discovery-fault.ts'
import { makeHttpClient, type HttpClient } from './http-client.ts'
import type { DpopHandle } from './token-response.ts'

/** Age at which metadata is discovered again in the background. */
const refreshAfterMs = 3600_000
/** Delays after failed discoveries, doubling from the first to the last. */
const firstBackoffMs = 500
const lastBackoffMs = 30_000
/** Maximum number of cached DPoP handles. Without one, a request is repeated if the provider requires a nonce. */
const mostDpopHandles = 10_000

/**
 * State of the provider, for a readiness probe.
 *
 * @example
 * const { discovered, fault } = oidc.health().provider
 * if (!discovered) console.warn('no logins yet', fault)
 */
export interface OidcProviderHealth {
  /** Whether the provider's metadata is known, by discovery or from the options. */
  readonly discovered: boolean
  /**
   * Time of the last successful discovery, in seconds since the epoch; undefined before the first one, or if the options
   * have metadata.
   */
  readonly discoveredAt: number | undefined
  /** Details of the failure of the latest discovery, for operators; undefined if it did not fail. */
  readonly fault: string | undefined
}

/** Metadata and configuration of one provider, from the same discovery. */
export interface Ready {
  readonly configuration: Configuration
  readonly metadata: Readonly<ServerMetadata>
}

/** Options of a provider, and of this application as its client. */
export type ProviderOptions = Pick<
  ResolvedOptions,
  | 'issuer'
  | 'metadata'
  | 'clientId'
  | 'clientSecret'
  | 'clientAuth'
  | 'fetch'
  | 'providerTimeoutSeconds'
  | 'clockToleranceSeconds'
  | 'allowInsecureIssuer'
> & {
  /** `metadataIssuer`: the issuer that the metadata must have, if it is not `issuer`. */
  readonly rules?: { readonly metadataIssuer?: string | undefined } | undefined
  /** Members that the metadata must have. */
  readonly neededMetadata: readonly (keyof ServerMetadata & string)[]
}

/** One provider: discovered on first use and refreshed in the background. While it is down, its last metadata is used. */
export class Provider {
  readonly options: ProviderOptions
  readonly http: HttpClient
  /** DPoP handles, keyed by the private keys of the logins. */
  readonly dpopHandles: GenerationalCache<DpopHandle> = new GenerationalCache(mostDpopHandles)
  readonly #flight = new SingleFlight<Ready>()
  /** Reports failures in the background, which affect no request. */
  readonly #onFault: (detail: string | undefined) => void
  #ready: Ready | undefined
  #discoveredAt: number | undefined
  #fault: OidcError | undefined
  #backoffMs = 0
  /** Time of the next discovery, by the monotonic clock like `#retryAt`; infinite if the metadata is given. */
  #refreshAt = Infinity
  #retryAt = 0

  constructor(options: ProviderOptions, onFault: (detail: string | undefined) => void) {
    this.options = options
    this.#onFault = onFault
    this.http = makeHttpClient({
      fetch: options.fetch,
      timeoutSeconds: options.providerTimeoutSeconds,
      allowInsecure: options.allowInsecureIssuer,
    })
    if (options.metadata) {
      const configuration = new Configuration(
        options.metadata as unknown as ServerMetadata,
        options.clientId,
        makeClientMetadata(options),
        makeClientAuth(options),
      )
      configuration[customFetch] = this.http as CustomFetch
      configuration.timeout = computeLibraryTimeout(options)
      if (hasInsecureUrl(options.metadata)) allowInsecureRequests(configuration)
      this.#ready = { configuration, metadata: configuration.serverMetadata() }
    }
  }

  /**
   * Returns the metadata, and discovers them first if they are unknown.
   *
   * @throws OidcError `provider_unavailable`; `provider_misconfigured` if waiting does not help
   */
  async ready(): Promise<Ready> {
    if (!this.#ready) return this.#discover()
    if (performance.now() >= Math.max(this.#refreshAt, this.#retryAt) && !this.#flight.isRunning) {
      // The request does not wait: it uses the old metadata.
      this.#discover().catch((fault: OidcError) => this.#onFault(fault.detail))
    }
    return this.#ready
  }

  /**
   * Returns the same as `ready` for a user who is logged in. The login shows that the configuration was correct, so a
   * discovery that fails now counts as an outage.
   *
   * @throws OidcError `provider_unavailable`
   */
  async readyDuringLogin(): Promise<Ready> {
    try {
      return await this.ready()
    } catch (error) {
      const { code, detail = '' } = error as OidcError
      throw code === 'provider_misconfigured' ? providerUnavailable(detail) : error
    }
  }

  health(): OidcProviderHealth {
    return {
      discovered: this.#ready !== undefined,
      discoveredAt: this.#discoveredAt === undefined ? undefined : Math.floor(this.#discoveredAt / 1000),
      fault: this.#fault?.detail,
    }
  }

  /**
   * Returns a `fetch` that requests the metadata at `issuer` (OIDC Discovery, section 4.1), even if openid-client is given
   * `metadataIssuer`.
   */
  #metadataFetch(attempt: DiscoveryAttempt): CustomFetch {
    const http = this.http as CustomFetch
    return async (_url, init) => {
      const response = await http(attempt.url, init)
      attempt.response = response.clone()
      return response
    }
  }

  #discover(): Promise<Ready> {
    const waitMs = this.#retryAt - performance.now()
    if (waitMs > 0 && this.#fault) {
      const { code, detail = '' } = this.#fault
      // A new error, because each error is reported once.
      return Promise.reject(isOutage(this.#fault) ? providerUnavailable(detail, waitMs / 1000) : fail(code, detail))
    }
    return this.#flight.run(() => this.#fetchMetadata())
  }

  async #fetchMetadata(): Promise<Ready> {
    const { options } = this
    const url = `${options.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
    const attempt: DiscoveryAttempt = { url }
    try {
      const configuration = await discovery(
        new URL(chooseLibraryIssuer(options)),
        options.clientId,
        makeClientMetadata(options),
        makeClientAuth(options),
        {
          [customFetch]: this.#metadataFetch(attempt),
          timeout: computeLibraryTimeout(options),
          execute: options.issuer.startsWith('http:') ? [allowInsecureRequests] : [],
        },
      )
      configuration[customFetch] = this.http as CustomFetch
      const metadata = configuration.serverMetadata()
      requireMetadata(metadata, options, url)
      // `requireMetadata` has rejected all `http:` URLs that are neither on loopback nor explicitly allowed.
      if (hasInsecureUrl(metadata)) allowInsecureRequests(configuration)
      this.#ready = { configuration, metadata }
      this.#discoveredAt = Date.now()
      this.#refreshAt = performance.now() + refreshAfterMs
      this.#fault = undefined
      this.#backoffMs = 0
      return this.#ready
    } catch (error) {
      const fault = await convertDiscoveryError(error, options, attempt)
      this.#backoffMs = Math.min(lastBackoffMs, this.#backoffMs * 2 || firstBackoffMs)
      // Jitter, so that processes that lost the provider together do not all retry together.
      this.#retryAt = performance.now() + this.#backoffMs * (0.75 + Math.random() / 2)
      this.#fault = fault
      throw fault
    }
  }
}

function isOutage({ code }: OidcError): boolean {
  return code === 'provider_unavailable'
}

function makeClientMetadata(options: ProviderOptions): Partial<ClientMetadata> {
  return { [clockTolerance]: options.clockToleranceSeconds }
}

/**
 * Returns a longer timeout than that of `makeHttpClient`. The shorter one includes the body, so it must be the one that
 * ends a request.
 */
function computeLibraryTimeout(options: ProviderOptions): number {
  return Math.ceil(options.providerTimeoutSeconds) + 1
}

function hasInsecureUrl(metadata: object): boolean {
  return Object.values(metadata).some((value) => typeof value === 'string' && value.startsWith('http:'))
}

/**
 * Returns the issuer for openid-client, which compares it with that of the metadata. Only for this one host of Entra does
 * openid-client accept a template in the metadata. It fills in the template for each token.
 */
function chooseLibraryIssuer({ issuer, rules }: ProviderOptions): string {
  const named = rules?.metadataIssuer ?? issuer
  return named.includes(tenantTemplate) ? 'https://login.microsoftonline.com/common/v2.0' : named
}
