import type { OidcRecords } from '../core/records.ts'
import { isLoopback, isSecureUrl, parsedUrl } from '../core/urls.ts'
import { warnOnce } from '../core/warnings.ts'
import { acceptedAlgorithms } from './algorithms.ts'
import { readBaseUrl } from './base-url.ts'
import { Checks, optionsInvalid } from './checks.ts'
import { readClient } from './client.ts'
import { readIssuer, loginMetadata } from './issuer.ts'
import { issuerRules, readIssuerRules, type IssuerRules } from './issuer-rules.ts'
import type { OidcOptions } from './options.ts'
import { readRecords } from './records-option.ts'
import { readResources } from './resource.ts'
import { readName, readRoutes, type Routes } from './routes.ts'
import { resolveSecrets } from './secret.ts'
import { readSessionStore, type OidcSessionStore } from './session-store.ts'
import { resolveBearerSettings, type ResolvedLoginBearer } from './resolve-bearer.ts'
import type { OidcProviderMetadata } from './provider-metadata.ts'

/** Validated {@link OidcOptions}, with defaults; frozen. */
export interface ResolvedOptions {
  readonly name: string
  readonly issuer: string
  /** Metadata from the option `issuer`; undefined if they are discovered. */
  readonly metadata: OidcProviderMetadata | undefined
  readonly rules: IssuerRules | undefined
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
  readonly afterLogin: OidcOptions['afterLogin']
  readonly onError: OidcOptions['onError']
  readonly loginPage: string | undefined
  readonly roles: OidcOptions['roles']
  readonly userInfo: boolean
  readonly maxLoginSeconds: number
  readonly recheckSeconds: number
  readonly providerTimeoutSeconds: number
  readonly clockToleranceSeconds: number
  readonly idTokenSignedResponseAlg: string | undefined
  readonly allowedOrigins: readonly string[]
  readonly fetchOrigins: readonly string[]
  readonly postLogoutRedirect: string
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
  'issuer',
  ...issuerRules,
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
  'loginPage',
  'roles',
  'userInfo',
  'maxLoginSeconds',
  'recheckSeconds',
  'providerTimeoutSeconds',
  'clockToleranceSeconds',
  'idTokenSignedResponseAlg',
  'allowedOrigins',
  'fetchOrigins',
  'postLogoutRedirect',
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
  const { issuer, metadata } = readIssuer(checks, allowInsecureIssuer, loginMetadata)
  const clientId = checks.required('clientId', 'the client identifier registered with the provider')
  const { clientSecret, clientAuth } = readClient(checks)
  const base = readBaseUrl(checks)
  const origin = base?.origin ?? 'http://localhost'
  const name = readName(checks)
  const routes = readRoutes(checks, name)
  const scope = readScope(checks)
  const responseMode = checks.choice('responseMode', ['query', 'form_post'], 'query')
  if (responseMode === 'form_post' && base && base.protocol === 'http:' && !isLoopback(base.hostname)) {
    checks.fault("responseMode 'form_post' needs an https: baseUrl: its cookie must be SameSite=None and Secure")
  }
  const resolved: ResolvedOptions = {
    name,
    issuer,
    metadata,
    rules: readIssuerRules(checks, allowInsecureIssuer),
    clientId: clientId ?? '',
    clientSecret,
    clientAuth,
    origin: base?.origin ?? '',
    basePath: base?.pathname.replace(/\/$/, '') ?? '',
    isLocal: base ? isLoopback(base.hostname) : false,
    routes,
    scope,
    resource: readResources(checks) ?? [],
    secrets: resolveSecrets(checks, base, clientSecret),
    afterLogin: checks.function('afterLogin'),
    onError: checks.function('onError'),
    loginPage: checks.path('loginPage', origin, '/welcome'),
    roles: checks.function('roles'),
    userInfo: checks.boolean('userInfo', false),
    maxLoginSeconds: checks.seconds('maxLoginSeconds', 8 * 3600, 1, 400 * 86_400),
    recheckSeconds: checks.seconds('recheckSeconds', 300, 0, 86_400),
    providerTimeoutSeconds: checks.seconds('providerTimeoutSeconds', 5, 0.1, 300),
    clockToleranceSeconds: checks.seconds('clockToleranceSeconds', 30, 0, 300),
    idTokenSignedResponseAlg: readAlgorithm(checks),
    allowedOrigins: readOrigins(checks, 'allowedOrigins'),
    fetchOrigins: readFetchOrigins(checks),
    postLogoutRedirect: checks.path('postLogoutRedirect', origin, '/welcome') ?? base?.pathname ?? '/',
    responseMode,
    par: checks.boolean('par', false),
    dpop: checks.boolean('dpop', false),
    records: readRecords(checks, 'records', checks.value('records')),
    sessionStore: readSessionStore(checks),
    storeDevice: checks.boolean('storeDevice', false),
    fetch: checks.function('fetch'),
    allowInsecureIssuer,
    bearer: resolveBearerSettings(checks),
  }
  if (checks.faults.length > 0) throw optionsInvalid('createOidc()', checks.faults)
  if (checks.value('secret') === undefined) {
    warnOnce(
      'OIDC_SECRET_DERIVED',
      'no `secret` was given: it is derived from clientSecret, which is accepted on loopback only. Pass `secret`, 32 random characters or more.',
    )
  }
  return Object.freeze(resolved)
}

function readScope(checks: Checks): readonly string[] {
  if (checks.value('scope') === undefined) return ['openid', 'profile', 'email']
  const scope = checks.scope('scope', "'openid profile email'")
  if (scope && !scope.includes('openid'))
    checks.fault("scope must contain 'openid': without it there is no ID token (OIDC Core 3.1.2.1)")
  return scope ?? []
}

function readAlgorithm(checks: Checks): string | undefined {
  const given = checks.value('idTokenSignedResponseAlg')
  if (given === undefined || acceptedAlgorithms.includes(given as string)) return given as string | undefined
  checks.fault(`idTokenSignedResponseAlg must be one of ${acceptedAlgorithms.join(', ')}, as the client is registered`)
  return undefined
}

function readOrigins(checks: Checks, key: 'allowedOrigins' | 'fetchOrigins'): readonly string[] {
  const given = checks.value(key)
  if (given === undefined) return []
  if (!Array.isArray(given)) {
    checks.fault(`${key} must be an array of origins such as 'https://www.example.com'`)
    return []
  }
  for (const origin of given) {
    if (typeof origin === 'string' && !origin.includes('*') && parsedUrl(origin)?.origin === origin) continue
    checks.fault(
      `${key}: ${JSON.stringify(origin)} is not an origin: scheme, host and port alone, such as 'https://www.example.com'`,
    )
  }
  return [...(given as string[])]
}

function readFetchOrigins(checks: Checks): readonly string[] {
  const origins = readOrigins(checks, 'fetchOrigins')
  for (const origin of origins) {
    if (parsedUrl(origin) && !isSecureUrl(origin, false)) {
      checks.fault(
        `fetchOrigins: ${JSON.stringify(origin)} must be https:, or on loopback: tokens would travel in clear`,
      )
    }
  }
  return origins
}
