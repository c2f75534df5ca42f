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
import { fail, type OidcError, describe, providerUnavailable } from '../core/errors.ts'
import { Lru } from '../core/lru.ts'
import { isSecureUrl } from '../core/urls.ts'
import { SingleFlight } from '../core/single-flight.ts'
import { clientAuth } from './client-auth.ts'
import { providerFault } from './provider-faults.ts'
import { httpClient, type HttpClient } from './http-client.ts'
import type { DpopHandle } from './token-response.ts'

/** Metadata older than this are discovered anew, behind the request that finds them so. */
const refreshAfterMs = 3600_000
/** Waits after a discovery that failed, doubling from the first to the last. */
const firstBackoffMs = 500
const lastBackoffMs = 30_000
/** Keys of logins whose handles are kept: whoever's is not costs a request more, where the provider asks for nonces. */
const mostDpopHandles = 10_000

/** What a probe wants to know of the provider. */
export interface ProviderHealth {
  /** Whether its metadata are known. */
  readonly discovered: boolean
  /** Milliseconds since the epoch at which they were last read; undefined before, or where they were given. */
  readonly discoveredAt: number | undefined
  /** What the latest attempt failed with; undefined where it did not. */
  readonly fault: string | undefined
}

/** Metadata and configuration of one provider, read once. */
export interface Ready {
  readonly configuration: Configuration
  readonly metadata: Readonly<ServerMetadata>
}

/** What is to be known of a provider, and of this application as its client. */
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
  /** What the metadata are to say of the issuer; undefined: what was asked for. */
  readonly rules?: { readonly metadataIssuer?: string | undefined } | undefined
  /** Members of the metadata without which it is of no use. */
  readonly neededMetadata: readonly (keyof ServerMetadata & string)[]
}

/** One provider: discovered on first use, discovered anew in the background, and kept while it is down. */
export class Provider {
  readonly options: ProviderOptions
  readonly http: HttpClient
  /** By the private keys of the logins. */
  readonly dpopHandles: Lru<DpopHandle> = new Lru(mostDpopHandles)
  readonly #flight = new SingleFlight<Ready>()
  /** Told of what fails behind a request, where nobody else would hear of it. */
  readonly #onFault: (detail: string | undefined) => void
  #ready: Ready | undefined
  #discoveredAt: number | undefined
  #fault: OidcError | undefined
  #backoffMs = 0
  #retryAt = 0

  constructor(options: ProviderOptions, onFault: (detail: string | undefined) => void) {
    this.options = options
    this.#onFault = onFault
    this.http = httpClient({
      fetch: options.fetch,
      timeoutSeconds: options.providerTimeoutSeconds,
      allowInsecure: options.allowInsecureIssuer,
    })
    if (options.metadata) {
      const configuration = new Configuration(
        options.metadata as unknown as ServerMetadata,
        options.clientId,
        clientMetadata(options),
        clientAuth(options),
      )
      configuration[customFetch] = this.http as CustomFetch
      configuration.timeout = libraryTimeout(options)
      if (needsInsecure(options.metadata)) allowInsecureRequests(configuration)
      this.#ready = { configuration, metadata: configuration.serverMetadata() }
    }
  }

  /** What is known, discovered now where it is not. Throws `provider_unavailable` where it cannot be. */
  async ready(): Promise<Ready> {
    if (!this.#ready) return this.#discover()
    if (this.#isOld() && Date.now() >= this.#retryAt && !this.#flight.isRunning) {
      // Whoever finds the metadata old does not wait for new ones; the old ones serve while there are none.
      this.#discover().catch((fault: OidcError) => this.#onFault(fault.detail))
    }
    return this.#ready
  }

  health(): ProviderHealth {
    return {
      discovered: this.#ready !== undefined,
      discoveredAt: this.#discoveredAt,
      fault: this.#fault?.detail,
    }
  }

  /** Whatever name openid-client is told, the metadata are asked for where `issuer` says that they are (OIDC Discovery 4.1). */
  #metadataFetch(): CustomFetch {
    const { issuer, rules } = this.options
    const http = this.http as CustomFetch
    if (rules?.metadataIssuer === undefined) return http
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
    return (_url, init) => http(url, init)
  }

  #isOld(): boolean {
    return this.#discoveredAt !== undefined && Date.now() - this.#discoveredAt > refreshAfterMs
  }

  #discover(): Promise<Ready> {
    const waitMs = this.#retryAt - Date.now()
    if (waitMs > 0 && this.#fault) {
      return Promise.reject(providerUnavailable(this.#fault.detail ?? '', waitMs / 1000))
    }
    return this.#flight.run(() => this.#fetchMetadata())
  }

  async #fetchMetadata(): Promise<Ready> {
    const { options } = this
    try {
      const configuration = await discovery(
        new URL(nameForLibrary(options)),
        options.clientId,
        clientMetadata(options),
        clientAuth(options),
        {
          [customFetch]: this.#metadataFetch(),
          timeout: libraryTimeout(options),
          execute: options.issuer.startsWith('http:') ? [allowInsecureRequests] : [],
        },
      )
      configuration[customFetch] = this.http as CustomFetch
      const metadata = configuration.serverMetadata()
      requireMetadata(metadata, options)
      // Those on loopback: any other was refused just now, or is expressly permitted.
      if (needsInsecure(metadata)) allowInsecureRequests(configuration)
      this.#ready = { configuration, metadata }
      this.#discoveredAt = Date.now()
      this.#fault = undefined
      this.#backoffMs = 0
      return this.#ready
    } catch (error) {
      const fault = providerFault(error, `discovery of ${options.issuer}`)
      this.#backoffMs = Math.min(lastBackoffMs, this.#backoffMs * 2 || firstBackoffMs)
      // Jitter, so that processes that lost the provider together do not all come back together.
      this.#retryAt = Date.now() + this.#backoffMs * (0.75 + Math.random() / 2)
      this.#fault = fault
      // Whatever the provider's answer lacks, a login waits for it to be mended.
      throw fault.status === 503 ? fault : providerUnavailable(fault.detail ?? describe(fault), this.#backoffMs / 1000)
    }
  }
}

function clientMetadata(options: ProviderOptions): Partial<ClientMetadata> {
  return { [clockTolerance]: options.clockToleranceSeconds }
}

/** Later than our own, so that it is ours that ends a request, its body included. */
function libraryTimeout(options: ProviderOptions): number {
  return Math.ceil(options.providerTimeoutSeconds) + 1
}

function needsInsecure(metadata: object): boolean {
  return Object.values(metadata).some((value) => typeof value === 'string' && value.startsWith('http:'))
}

/**
 * What openid-client is told that it asks. It compares it with the issuer of the metadata. Where they differ on the one
 * host that it knows to have a template there, it fills the template in for each token, and does so nowhere else.
 */
function nameForLibrary({ issuer, rules }: ProviderOptions): string {
  const named = rules?.metadataIssuer ?? issuer
  return named.includes(tenantTemplate) ? 'https://login.microsoftonline.com/common/v2.0' : named
}

/** OIDC Discovery 4.3: the issuer must be the one that was asked, to the letter; and some members are needed. */
function requireMetadata(metadata: Readonly<ServerMetadata>, options: ProviderOptions): void {
  const { issuer, rules, allowInsecureIssuer, neededMetadata } = options
  const faults: string[] = []
  const expected = rules?.metadataIssuer ?? issuer
  if (metadata.issuer !== expected) {
    const option = expected === issuer ? 'issuer' : 'metadataIssuer'
    faults.push(
      `its issuer is ${JSON.stringify(metadata.issuer)}; set the option ${option} to exactly that, if it is the right one`,
    )
  }
  for (const member of neededMetadata) {
    if (metadata[member] === undefined) faults.push(`it has no ${member}`)
  }
  // Browsers and tokens are sent there: no endpoint may be a script or travel in clear.
  for (const [member, value] of Object.entries(metadata)) {
    if (!/(?:_endpoint|^jwks_uri)$/.test(member)) continue
    if (!isSecureUrl(value, allowInsecureIssuer)) faults.push(`its ${member} is not an https: URL`)
  }
  if (faults.length > 0) {
    throw fail('provider_response_invalid', `the metadata of ${issuer} cannot be used: ${faults.join('; ')}`)
  }
}
