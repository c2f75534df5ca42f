import type { RequestHandler } from 'express'
import type { BearerOptions } from '../config/bearer-options.ts'
import {
  resolveBearer,
  type ResolvedBearer,
  type ResolvedBearerSettings,
  type ResolvedIssuer,
} from '../config/resolve-bearer.ts'
import { Events, type OidcEventName, type OidcListener } from '../core/events.ts'
import type { TrustedIssuer } from '../guard/bearer-policy.ts'
import { Introspection } from '../guard/introspection.ts'
import { RememberedTokens } from '../guard/remembered-tokens.ts'
import { fetchKeySet, fetchKeys } from '../provider/endpoints.ts'
import { introspect } from '../provider/introspect.ts'
import type { Instance } from '../logins/instance.ts'
import { Provider } from '../provider/provider.ts'
import { MemoryRecords } from '../store/memory-records.ts'
import { Keys } from '../tokens/key-set.ts'
import { makeTokenGuards, type TokenGuards } from './guards/token-guards.ts'
import { makeMetadataPath, makeMetadataUrl, serveResourceMetadata } from './routes/resource-metadata.ts'
import type { BearerGuard } from './guards/bearer-guard.ts'

/** A guard for APIs that accept access tokens, without logins or a session. */
export interface Bearer extends TokenGuards {
  /**
   * Serves the API's metadata (RFC 9728) if the options have a `baseUrl`, and passes every other request on. Mount it at
   * the root.
   *
   * @see https://www.rfc-editor.org/rfc/rfc9728#section-3
   * @example
   * app.use(api.router)
   */
  readonly router: RequestHandler
  /**
   * Calls `listener` for each event of this name, and returns a function that removes the listener. Every event is also
   * published to `node:diagnostics_channel` as `express-session-oidc:<event>`.
   *
   * @example
   * api.on('token_rejected', ({ code, detail }) => console.warn(code, detail))
   */
  on<Name extends OidcEventName>(event: Name, listener: OidcListener<Name>): () => void
  /**
   * Fetches the keys of all issuers now, to find faults at startup. After a failure, a later call or request tries again.
   *
   * @throws OidcError `provider_unavailable` (503), or `provider_misconfigured` (500) if waiting does not help.
   * @example
   * await api.ready()
   */
  ready(): Promise<void>
}

/**
 * Creates a guard for APIs that accept access tokens from single-page and mobile clients or other services. It does no
 * I/O, except that it reads a metadata file if `issuer` is a `file:` URL. It reads no environment variables.
 *
 * @throws OidcError `options_invalid`, which names every invalid option with its fix.
 * @example
 * const api = createBearer({ issuer: 'https://id.example.com/realms/acme', audience: 'orders' })
 * app.get('/orders', api.requireBearer(), (req, res) => res.json(req.auth.claims))
 */
export function createBearer(options: BearerOptions): Bearer {
  const resolved = resolveBearer(options)
  const events = new Events(resolved.name)
  const onFault = (detail: string | undefined): void => events.emit('provider_fault', { detail })
  const issuers = resolved.issuers.map((issuer) => ({
    ...issuer,
    ...makeSources(resolved, issuer, onFault),
    clientId: issuer.introspection?.clientId,
  }))
  const resource = resolved.origin === undefined ? undefined : { ...resolved, origin: resolved.origin }
  const guard = makeGuard(resolved, {
    issuers,
    realm: resolved.issuers[0]?.audience[0] as string,
    resource,
    resourceMetadata: resource && resource.origin + makeMetadataPath(resource),
    onError: resolved.onError,
    clockToleranceSeconds: resolved.clockToleranceSeconds,
    events,
  })
  return Object.freeze({
    router: resource
      ? serveResourceMetadata(
          resource,
          issuers.map(({ issuer }) => issuer),
        )
      : (_req, _res, next) => next(),
    ...makeTokenGuards(guard, true),
    on: (event, listener) => events.on(event, listener),
    async ready() {
      await Promise.all(issuers.map(({ keys }) => keys.current()))
    },
  } satisfies Bearer)
}

/** Returns the guard for access tokens of an instance's issuer. It shares the keys with the instance's logins. */
export function makeInstanceGuard({ options, provider, keys, events }: Instance): BearerGuard {
  const { issuer, rules, isApplicationToken, roles, clientId, bearer, clockToleranceSeconds, onError } = options
  const { audience, algorithms } = bearer
  const introspection =
    bearer.introspection && new Introspection(bearer.introspection, (token) => introspect(provider, token))
  return makeGuard(bearer, {
    issuers: [{ issuer, rules, isApplicationToken, clientId, audience, algorithms, keys, roles, introspection }],
    realm: audience[0] ?? options.origin,
    resource: options,
    resourceMetadata: makeMetadataUrl(options),
    onError,
    clockToleranceSeconds,
    events,
  })
}

interface GuardParts {
  readonly issuers: readonly TrustedIssuer[]
  readonly realm: string
  readonly resource: BearerGuard['resource']
  readonly resourceMetadata: string | undefined
  readonly onError: BearerGuard['onError']
  readonly clockToleranceSeconds: number
  readonly events: Events
}

function makeGuard({ algorithms, cacheSeconds, dpop, mtls }: ResolvedBearerSettings, parts: GuardParts): BearerGuard {
  const { issuers, realm, resource, resourceMetadata: metadata, onError, clockToleranceSeconds, events } = parts
  return {
    policy: {
      issuers,
      clockToleranceSeconds,
      remembered: new RememberedTokens(cacheSeconds),
      challenge: { realm, resourceMetadata: metadata, dpopAlgorithms: dpop && algorithms.join(' ') },
      binding: {
        dpop: dpop === 'memory' ? new MemoryRecords() : dpop,
        mtls: mtls !== undefined,
        algorithms,
        clockToleranceSeconds,
      },
      events,
    },
    onError,
    resource,
    mtls,
  }
}

/** Returns the key source of an issuer, and its introspection if the options request it. */
function makeSources(
  options: ResolvedBearer,
  { issuer, metadata, rules, keys, introspection }: ResolvedIssuer,
  onFault: (detail: string | undefined) => void,
): Pick<TrustedIssuer, 'keys' | 'introspection'> {
  const { fetch, providerTimeoutSeconds, clockToleranceSeconds, allowInsecureIssuer } = options
  // Without introspection no request authenticates a client, so this placeholder is never sent.
  const client = introspection ?? { clientId: 'resource-server', clientSecret: undefined, clientAuth: 'none' as const }
  const { clientId, clientSecret, clientAuth } = client
  const provider = new Provider(
    {
      issuer,
      rules,
      metadata,
      clientId,
      clientSecret,
      clientAuth,
      fetch,
      providerTimeoutSeconds,
      clockToleranceSeconds,
      allowInsecureIssuer,
      neededMetadata: [
        ...(keys ? [] : ['jwks_uri' as const]),
        ...(introspection ? ['introspection_endpoint' as const] : []),
      ],
    },
    onFault,
  )
  return {
    keys:
      typeof keys === 'object'
        ? Keys.of(keys)
        : new Keys(() => (keys === undefined ? fetchKeySet(provider) : fetchKeys(provider.http, keys)), onFault),
    introspection: introspection && new Introspection(introspection, (token) => introspect(provider, token)),
  }
}
