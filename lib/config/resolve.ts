import type { OidcRecords } from '../core/records.ts'
import { isLoopback, isSecureUrl, parseUrl } from '../core/urls.ts'
import type { OidcLog } from '../core/failure-log.ts'
import { acceptedAlgorithms } from './algorithms.ts'
import { readBaseUrl } from './base-url.ts'
import { Checks, optionsInvalid } from './checks.ts'
import { readClient } from './client.ts'
import { loginMetadata } from './issuer.ts'
import type { OidcOptions } from './options.ts'
import { readLoginScope, readProvider, type ResolvedProvider } from './provider-option.ts'
import { readLog } from './log-option.ts'
import { readRecords } from './records-option.ts'
import { readResources } from './resource.ts'
import { readName, readRoutes, type Routes } from './routes.ts'
import { resolveSecrets } from './secret.ts'
import { readSessionStore, type OidcSessionStore } from './session-store.ts'
import { resolveBearerSettings, type ResolvedLoginBearer } from './resolve-bearer.ts'

/** Validated {@link OidcOptions}, with defaults; frozen. */
export interface ResolvedOptions extends ResolvedProvider {
  readonly name: string
  readonly clientId: string
  readonly clientSecret: string | undefined
  readonly clientAuth: 'client_secret_basic' | 'client_secret_post' | 'none'
  /** Scheme, host and port of `baseUrl`. */
  readonly origin: string
  /** Path of `baseUrl` without a final slash: an empty string or `/shop`. */
  readonly basePath: string
  readonly isLocal: boolean
  readonly routes: Routes
  readonly scope: readonly string[]
  readonly resource: readonly string[]
  readonly secrets: readonly string[]
  /** Whether `secrets` are derived from `clientSecret`. */
  readonly isSecretDerived: boolean
  readonly afterLogin: OidcOptions['afterLogin']
  readonly onError: OidcOptions['onError']
  readonly log: OidcLog | undefined
  readonly loginPage: string | undefined
  readonly userInfo: boolean
  readonly maxLoginSeconds: number
  readonly recheckSeconds: number
  readonly providerTimeoutSeconds: number
  readonly clockToleranceSeconds: number
  readonly idTokenSignedResponseAlg: string | undefined
  readonly logoutTokenType: 'required' | 'optional'
  readonly allowedOrigins: readonly string[]
  readonly fetchOrigins: readonly string[]
  readonly postLogoutRedirect: string
  readonly logoutHint: boolean
  readonly responseMode: 'query' | 'form_post'
  readonly par: boolean
  readonly dpop: boolean
  readonly records: OidcRecords | undefined
  readonly sessionStore: OidcSessionStore | undefined
  readonly storeDevice: boolean
  readonly fetch: typeof globalThis.fetch | undefined
  readonly allowInsecureIssuer: boolean
  readonly bearer: ResolvedLoginBearer
}

const known = [
  'provider',
  'issuer',
  'clientId',
  'clientSecret',
  'clientAuth',
  'baseUrl',
  'name',
  'routes',
  'scope',
  'resource',
  'secret',
  'afterLogin',
  'onError',
  'log',
  'loginPage',
  'roles',
  'userInfo',
  'maxLoginSeconds',
  'recheckSeconds',
  'providerTimeoutSeconds',
  'clockToleranceSeconds',
  'idTokenSignedResponseAlg',
  'logoutTokenType',
  'allowedOrigins',
  'fetchOrigins',
  'postLogoutRedirect',
  'logoutHint',
  'responseMode',
  'par',
  'dpop',
  'records',
  'sessionStore',
  'storeDevice',
  'fetch',
  'allowInsecureIssuer',
  'bearer',
] as const satisfies readonly (keyof OidcOptions)[]

/**
 * Validates the options of `createOidc` and adds the defaults.
 * @throws OidcError `options_invalid`, which names every fault with its fix.
 */
export function resolveOptions(given: unknown): ResolvedOptions {
  const checks = new Checks(given, 'the options of createOidc()', known)
  const allowInsecureIssuer = checks.boolean('allowInsecureIssuer', false)
  const provider = readProvider(checks, { allowInsecure: allowInsecureIssuer, neededMetadata: loginMetadata })
  const client = readLoginClient(checks)
  const base = readBaseUrl(checks)
  const resolved: ResolvedOptions = {
    ...provider,
    allowInsecureIssuer,
    ...client,
    ...readAddresses(checks, base),
    // The options of this application replace the provider's defaults for all applications.
    scope: readLoginScope(checks) ?? provider.scope ?? ['openid', 'profile', 'email'],
    roles: checks.function<NonNullable<OidcOptions['roles']>>('roles') ?? provider.roles,
    ...readRequestSettings(checks, base),
    secrets: resolveSecrets(checks, base, client.clientSecret),
    isSecretDerived: checks.value('secret') === undefined,
    afterLogin: checks.function('afterLogin'),
    onError: checks.function('onError'),
    log: readLog(checks),
    ...readLimits(checks),
    allowedOrigins: readOrigins(checks, 'allowedOrigins'),
    fetchOrigins: readFetchOrigins(checks),
    logoutHint: checks.boolean('logoutHint', true),
    records: readRecords(checks, '`records`', checks.value('records')),
    sessionStore: readSessionStore(checks),
    storeDevice: checks.boolean('storeDevice', false),
    bearer: resolveBearerSettings(checks),
  }
  if (checks.faults.length > 0) throw optionsInvalid('createOidc()', checks.faults)
  return Object.freeze(resolved)
}

type Resolved<Key extends keyof ResolvedOptions> = Pick<ResolvedOptions, Key>

function readLoginClient(checks: Checks): Resolved<'clientId' | 'clientSecret' | 'clientAuth'> {
  const clientId = checks.required('clientId', 'the client identifier from the provider')
  return { clientId: clientId ?? '', ...readClient(checks) }
}

/** Reads where browsers reach the application, and its routes and pages there. */
function readAddresses(
  checks: Checks,
  base: URL | undefined,
): Resolved<'name' | 'origin' | 'basePath' | 'isLocal' | 'routes' | 'loginPage' | 'postLogoutRedirect'> {
  const name = readName(checks)
  const origin = base?.origin ?? 'http://localhost'
  return {
    name,
    origin: base?.origin ?? '',
    basePath: base?.pathname.replace(/\/$/, '') ?? '',
    isLocal: base ? isLoopback(base.hostname) : false,
    routes: readRoutes(checks, name),
    loginPage: checks.path('loginPage', origin, '/welcome'),
    postLogoutRedirect: checks.path('postLogoutRedirect', origin, '/welcome') ?? base?.pathname ?? '/',
  }
}

/** Reads the options for requests to the provider, and for what it returns. */
function readRequestSettings(
  checks: Checks,
  base: URL | undefined,
): Resolved<
  'resource' | 'responseMode' | 'par' | 'dpop' | 'userInfo' | 'idTokenSignedResponseAlg' | 'logoutTokenType' | 'fetch'
> {
  const responseMode = checks.choice('responseMode', ['query', 'form_post'], 'query')
  if (responseMode === 'form_post' && base && base.protocol === 'http:' && !isLoopback(base.hostname)) {
    checks.fault(
      "`responseMode` 'form_post' requires an https: `baseUrl`; use https:, because its cookie is SameSite=None and Secure",
    )
  }
  return {
    resource: readResources(checks) ?? [],
    responseMode,
    par: checks.boolean('par', false),
    dpop: checks.boolean('dpop', false),
    userInfo: checks.boolean('userInfo', false),
    idTokenSignedResponseAlg: readAlgorithm(checks),
    logoutTokenType: checks.choice('logoutTokenType', ['optional', 'required'], 'optional'),
    fetch: checks.function('fetch'),
  }
}

function readLimits(
  checks: Checks,
): Resolved<'maxLoginSeconds' | 'recheckSeconds' | 'providerTimeoutSeconds' | 'clockToleranceSeconds'> {
  return {
    maxLoginSeconds: checks.seconds('maxLoginSeconds', 8 * 3600, 1, 400 * 86_400),
    recheckSeconds: checks.seconds('recheckSeconds', 300, 0, 86_400),
    providerTimeoutSeconds: checks.seconds('providerTimeoutSeconds', 5, 0.1, 300),
    clockToleranceSeconds: checks.seconds('clockToleranceSeconds', 30, 0, 300),
  }
}

function readAlgorithm(checks: Checks): string | undefined {
  const given = checks.value('idTokenSignedResponseAlg')
  if (given === undefined || acceptedAlgorithms.includes(given as string)) return given as string | undefined
  checks.fault(
    `\`idTokenSignedResponseAlg\` must be one of ${acceptedAlgorithms.join(', ')}, as registered for the client`,
  )
  return undefined
}

function readOrigins(checks: Checks, key: 'allowedOrigins' | 'fetchOrigins'): readonly string[] {
  const given = checks.value(key)
  if (given === undefined) return []
  if (!Array.isArray(given)) {
    checks.fault(`\`${key}\` must be an array of origins such as 'https://www.example.com'`)
    return []
  }
  for (const origin of given) {
    if (typeof origin === 'string' && !origin.includes('*') && parseUrl(origin)?.origin === origin) continue
    checks.fault(
      `\`${key}\` has ${JSON.stringify(origin)}, which is not an origin; pass scheme, host and port only, such as 'https://www.example.com'`,
    )
  }
  return [...(given as string[])]
}

function readFetchOrigins(checks: Checks): readonly string[] {
  const origins = readOrigins(checks, 'fetchOrigins')
  for (const origin of origins) {
    if (parseUrl(origin) && !isSecureUrl(origin, false)) {
      checks.fault(
        `\`fetchOrigins\` has ${JSON.stringify(origin)}, which would receive tokens unencrypted; use https:, except on loopback`,
      )
    }
  }
  return origins
}
