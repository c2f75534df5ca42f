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
import { compileBearerRule, type BearerRule, type TokenRule } from '../guard/bearer-rule.ts'
import type { TrustedIssuer } from '../guard/bearer-policy.ts'
import { Introspection } from '../guard/introspection.ts'
import { RememberedTokens } from '../guard/remembered-tokens.ts'
import { fetchKeySet, fetchKeys } from '../provider/endpoints.ts'
import { introspect } from '../provider/introspect.ts'
import type { Instance } from '../logins/instance.ts'
import { Provider } from '../provider/provider.ts'
import { MemoryRecords } from '../store/memory-records.ts'
import { Keys } from '../tokens/key-set.ts'
import { authorizeToken, verifyPresented } from './guards/authorize-token.ts'
import { notAuthorized, type NotAuthorized } from './guards/authorize.ts'
import { requireToken, toldRefusal } from './guards/require-bearer.ts'
import { metadataPath, metadataUrl, resourceMetadata } from './routes/resource-metadata.ts'
import type { BearerGuard } from './guards/bearer-guard.ts'
import type { CompiledBearerRule } from '../guard/requirements.ts'

/** A guard of APIs by access tokens alone, with no login and no session. */
export interface Bearer {
  /** Answers the API's metadata (RFC 9728), where the options have a `baseUrl`. Mount it at the root. */
  readonly router: RequestHandler
  /**
   * Guards a route: a request with an access token that is good and meets the rule goes on, with `req.auth`; any other
   * is answered as RFC 6750 has it, with a JSON body.
   *
   * @throws OidcError `options_invalid` where the rule is wrong, at once.
   */
  requireBearer<Claims extends object = UnknownClaims>(rule?: BearerRule<Claims>): RequestHandler
  /**
   * The guard as a function, for WebSocket upgrades and the like: judges a request, of Express or of Node alone, and
   * answers nothing. A `check` of the rule gets the request as it is.
   *
   * @throws OidcError `options_invalid` where the rule is wrong.
   */
  authorize<Claims extends object = UnknownClaims>(
    req: IncomingMessage,
    rule?: BearerRule<Claims>,
  ): Promise<{ readonly ok: true; readonly auth: BearerAuth | undefined } | NotAuthorized>
  /**
   * Verifies an access token that came some other way. One that is bound to a key is refused, since nothing proves the key.
   *
   * @throws OidcError `token_invalid` (401), `not_allowed` (403), `authentication_insufficient` (401),
   * `provider_unavailable` (503); `options_invalid` where the rule is wrong.
   */
  verifyToken<Claims extends object = UnknownClaims>(token: string, rule?: TokenRule): Promise<BearerAuth<Claims>>
  /** Calls `listener` at each such event; returns what takes it off again. The same events go to `node:diagnostics_channel` as `express-session-oidc:<event>`. */
  on<Name extends OidcEventName>(event: Name, listener: OidcListener<Name>): () => void
  /**
   * Fetches the keys of all issuers now, for those who want to know at start.
   *
   * @throws OidcError `provider_unavailable`; a later call or request tries again.
   */
  ready(): Promise<void>
}

/**
 * Makes a guard of APIs by access tokens: of single-page and mobile clients, of other services. Does no I/O, and reads
 * no environment.
 *
 * @throws OidcError `options_invalid` that names every wrong option with its fix.
 */
export function createBearer(options: BearerOptions): Bearer {
  const resolved = resolveBearer(options)
  const events = new Events(resolved.name)
  const onFault = (detail: string | undefined): void => events.emit('provider_fault', { detail })
  const issuers = resolved.issuers.map((each) => ({ ...each, ...sourcesOf(resolved, each, onFault) }))
  const resource = resolved.origin === undefined ? undefined : { ...resolved, origin: resolved.origin }
  const guard = guardOf(resolved, {
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

/** The guard of the access tokens of an instance's own issuer, with the keys that its logins are verified with. */
export function bearerOf({ options, provider, keys, events }: Instance): BearerGuard {
  const { issuer, rules, roles, bearer, clockToleranceSeconds, onError } = options
  const { audience, algorithms } = bearer
  const introspection =
    bearer.introspection && new Introspection(bearer.introspection, (token) => introspect(provider, token))
  return guardOf(bearer, {
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

function guardOf({ rememberSeconds, dpop, mtls }: ResolvedBearerSettings, parts: GuardParts): BearerGuard {
  const { issuers, realm, resource, resourceMetadata: metadata, onError, clockToleranceSeconds, events } = parts
  return {
    policy: {
      issuers,
      clockToleranceSeconds,
      remembered: new RememberedTokens(rememberSeconds),
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

/** What a guard of tokens can do, by itself or beside a login. */
export function guardFunctions(
  guard: BearerGuard,
  hasAudience: boolean,
): Pick<Bearer, 'requireBearer' | 'authorize' | 'verifyToken'> {
  const compiled = (rule: unknown, what: string): CompiledBearerRule => compileBearerRule(rule, what, { hasAudience })
  return {
    requireBearer: (rule) => requireToken(guard, compiled(rule, 'requireBearer()')),
    async authorize(req, rule) {
      const compiledRule = compiled(rule, 'authorize()')
      try {
        return { ok: true, auth: await authorizeToken(guard, compiledRule, req as Request) }
      } catch (error) {
        return notAuthorized(toldRefusal(guard.policy, error))
      }
    },
    async verifyToken(token, rule) {
      const compiledRule = compiled(rule, 'verifyToken()')
      try {
        return (await verifyPresented(guard.policy, compiledRule, token)) as never
      } catch (error) {
        throw toldRefusal(guard.policy, error)
      }
    },
  }
}

/** Where the keys of an issuer come from, and who is asked about its tokens. */
function sourcesOf(
  options: ResolvedBearer,
  { issuer, rules, keys, introspection }: ResolvedIssuer,
  onFault: (detail: string | undefined) => void,
): Pick<TrustedIssuer, 'keys' | 'introspection'> {
  const { fetch, providerTimeoutSeconds, clockToleranceSeconds, allowInsecureIssuer } = options
  // Where nothing is asked of the provider as its client, nothing of the client is ever sent.
  const client = introspection ?? { clientId: 'resource-server', clientSecret: undefined, clientAuth: 'none' as const }
  const { clientId, clientSecret, clientAuth } = client
  const provider = new Provider(
    {
      issuer,
      rules,
      metadata: undefined,
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
