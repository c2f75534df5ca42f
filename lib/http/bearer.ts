import type { IncomingMessage } from 'node:http'
import type { Request, RequestHandler } from 'express'
import { acceptedAlgorithms } from '../config/algorithms.ts'
import type { BearerOptions } from '../config/bearer-options.ts'
import type { UnknownClaims } from '../config/claims.ts'
import {
  resolveBearer,
  type ResolvedBearer,
  type ResolvedBearerSettings,
  type ResolvedIssuer,
} from '../config/resolve-bearer.ts'
import { Events, type OidcEventName, type OidcListener } from '../core/events.ts'
import type { BearerAuth } from '../guard/bearer-auth.ts'
import { tokenRule, type BearerRule, type TokenRule } from '../guard/bearer-rule.ts'
import { compileRule } from '../guard/rule-options.ts'
import type { TrustedIssuer } from '../guard/bearer-policy.ts'
import { Introspection } from '../guard/introspection.ts'
import { RememberedTokens } from '../guard/remembered-tokens.ts'
import { fetchKeySet, fetchKeys } from '../provider/endpoints.ts'
import { introspect } from '../provider/introspect.ts'
import type { Instance } from '../logins/instance.ts'
import { Provider } from '../provider/provider.ts'
import { MemoryRecords } from '../store/memory-records.ts'
import { Keys } from '../tokens/key-set.ts'
import { authorizeToken, verifyRequestToken } from './guards/authorize-token.ts'
import { notAuthorized, type NotAuthorized } from './guards/authorize.ts'
import { requireToken, reportRefusal } from './guards/require-bearer.ts'
import { metadataPath, metadataUrl, resourceMetadata } from './routes/resource-metadata.ts'
import type { BearerGuard } from './guards/bearer-guard.ts'
import type { CompiledBearerRule } from '../guard/requirements.ts'

/** A guard for APIs that accept access tokens, without logins or a session. */
export interface Bearer {
  /**
   * Serves the API's metadata (RFC 9728) if the options have a `baseUrl`, and passes every other request on. Mount it at
   * the root.
   *
   * @see https://www.rfc-editor.org/rfc/rfc9728#section-3
   */
  readonly router: RequestHandler
  /**
   * Guards a route. A request with a valid access token that meets the rule passes, with `req.auth`. Any other is answered
   * according to RFC 6750, with a JSON body.
   *
   * @throws OidcError `options_invalid` immediately if the rule is invalid.
   * @see https://www.rfc-editor.org/rfc/rfc6750#section-3
   * @example
   * app.get('/orders', api.requireBearer({ scope: 'orders:read' }), (req, res) => res.json(req.auth.claims))
   */
  requireBearer<Claims extends object = UnknownClaims>(rule?: BearerRule<Claims>): RequestHandler
  /**
   * Authorizes a request as `requireBearer` does, but sends no response: for WebSocket upgrades and the like. The request
   * is one of Express or of Node; the rule's `check` gets it unchanged.
   *
   * @throws OidcError `options_invalid` if the rule is invalid.
   * @example
   * const { ok } = await api.authorize(req, { scope: 'orders:read' })
   */
  authorize<Claims extends object = UnknownClaims>(
    req: IncomingMessage,
    rule?: BearerRule<Claims>,
  ): Promise<{ readonly ok: true; readonly auth: BearerAuth | undefined } | NotAuthorized>
  /**
   * Verifies an access token that did not arrive in a request. A key-bound token is rejected, since nothing proves the key.
   *
   * @throws OidcError `token_invalid` (401), `not_allowed` (403), `authentication_insufficient` (401),
   * `provider_unavailable` (503); `options_invalid` if the rule is invalid.
   * @example
   * const { sub } = await api.verifyToken(token, { scope: 'orders:read' })
   */
  verifyToken<Claims extends object = UnknownClaims>(token: string, rule?: TokenRule): Promise<BearerAuth<Claims>>
  /**
   * Calls `listener` for each event of this name, and returns a function that removes the listener. Every event is also
   * published to `node:diagnostics_channel` as `express-session-oidc:<event>`.
   *
   * @example
   * api.on('token_rejected', ({ code, detail }) => console.warn(code, detail))
   */
  on<Name extends OidcEventName>(event: Name, listener: OidcListener<Name>): () => void
  /**
   * Fetches the keys of all issuers now, to find faults at startup. A later call or request tries again.
   *
   * @throws OidcError `provider_unavailable` (503), or `provider_response_invalid` (502) if the metadata cannot be used.
   * @example
   * await api.ready()
   */
  ready(): Promise<void>
}

/**
 * Creates a guard for APIs that accept access tokens from single-page and mobile clients or other services. It does no
 * I/O, except that it reads a metadata file if `issuer` is a `file:` URL. It reads no environment variables.
 *
 * @throws OidcError `options_invalid` that names every invalid option with its fix.
 * @example
 * const api = createBearer({ issuer: 'https://id.example.com/realms/acme', audience: 'orders' })
 * app.get('/orders', api.requireBearer(), (req, res) => res.json(req.auth.claims))
 */
export function createBearer(options: BearerOptions): Bearer {
  const resolved = resolveBearer(options)
  const events = new Events(resolved.name)
  const onFault = (detail: string | undefined): void => events.emit('provider_fault', { detail })
  const issuers = resolved.issuers.map((issuer) => ({ ...issuer, ...makeSources(resolved, issuer, onFault) }))
  const resource = resolved.origin === undefined ? undefined : { ...resolved, origin: resolved.origin }
  const guard = makeGuard(resolved, {
    issuers,
    realm: resolved.issuers[0]?.audience[0] as string,
    resource,
    resourceMetadata: resource && resource.origin + metadataPath(resource),
    onError: resolved.onError,
    clockToleranceSeconds: resolved.clockToleranceSeconds,
    events,
  })
  return Object.freeze({
    router: resource
      ? resourceMetadata(
          resource,
          issuers.map(({ issuer }) => issuer),
        )
      : (_req, _res, next) => next(),
    ...guardFunctions(guard, true),
    on: (event, listener) => events.on(event, listener),
    async ready() {
      await Promise.all(issuers.map(({ keys }) => keys.current()))
    },
  } satisfies Bearer)
}

/** Returns the guard for access tokens of an instance's issuer. It shares the keys with the instance's logins. */
export function makeInstanceGuard({ options, provider, keys, events }: Instance): BearerGuard {
  const { issuer, rules, roles, bearer, clockToleranceSeconds, onError } = options
  const { audience, algorithms } = bearer
  const introspection =
    bearer.introspection && new Introspection(bearer.introspection, (token) => introspect(provider, token))
  return makeGuard(bearer, {
    issuers: [{ issuer, rules, audience, algorithms, keys, roles, introspection }],
    realm: audience[0] ?? options.origin,
    resource: options,
    resourceMetadata: metadataUrl(options),
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

function makeGuard({ cacheSeconds, dpop, mtls }: ResolvedBearerSettings, parts: GuardParts): BearerGuard {
  const { issuers, realm, resource, resourceMetadata: metadata, onError, clockToleranceSeconds, events } = parts
  return {
    policy: {
      issuers,
      clockToleranceSeconds,
      remembered: new RememberedTokens(cacheSeconds),
      challenge: { realm, resourceMetadata: metadata, dpopAlgorithms: dpop && acceptedAlgorithms.join(' ') },
      binding: {
        dpop: dpop === 'memory' ? new MemoryRecords() : dpop,
        mtls: mtls !== undefined,
        clockToleranceSeconds,
      },
      events,
    },
    onError,
    resource,
    mtls,
  }
}

/** Returns the functions that `createBearer` and `createOidc` have in common. */
export function guardFunctions(
  guard: BearerGuard,
  hasAudience: boolean,
): Pick<Bearer, 'requireBearer' | 'authorize' | 'verifyToken'> {
  const compile = (rule: unknown, what: string): CompiledBearerRule =>
    compileRule(tokenRule, rule, what, { hasAudience })
  return {
    requireBearer: (rule) => requireToken(guard, compile(rule, 'requireBearer()')),
    async authorize(req, rule) {
      const compiledRule = compile(rule, 'authorize()')
      try {
        return { ok: true, auth: await authorizeToken(guard, compiledRule, req as Request) }
      } catch (error) {
        return notAuthorized(reportRefusal(guard.policy, error))
      }
    },
    async verifyToken(token, rule) {
      const compiledRule = compile(rule, 'verifyToken()')
      try {
        return (await verifyRequestToken(guard.policy, compiledRule, token)) as never
      } catch (error) {
        throw reportRefusal(guard.policy, error)
      }
    },
  }
}

/** Returns the key source of an issuer, and its introspection if the options have it. */
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
