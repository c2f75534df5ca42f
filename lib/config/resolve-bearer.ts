import { acceptedAlgorithms, readAlgorithms } from './algorithms.ts'
import { readBaseUrl } from './base-url.ts'
import type { BearerIssuer, BearerOptions, BearerTokenOptions } from './bearer-options.ts'
import { Checks, optionsInvalid, unsetVariable } from './checks.ts'
import { findEndpointFault } from './issuer.ts'
import { OidcProvider } from './oidc-provider.ts'
import { findChoiceFault, readProvider, type ResolvedProvider } from './provider-option.ts'
import {
  readIntrospection,
  readIntrospector,
  type ResolvedIntrospection,
  type ResolvedIntrospector,
} from './resolve-introspection.ts'
import { readBinding, type ResolvedBinding } from './resolve-binding.ts'
import { readLog } from './log-option.ts'
import type { OidcLog } from '../core/failure-log.ts'

/** Validated {@link BearerTokenOptions}, with defaults. */
export interface ResolvedBearerSettings extends ResolvedBinding {
  /** Empty if the options have none: each rule must then name one. */
  readonly audience: readonly string[]
  readonly algorithms: readonly string[]
  readonly cacheSeconds: number
}

/** Validated option `bearer` of `createOidc`, with defaults. */
export interface ResolvedLoginBearer extends ResolvedBearerSettings {
  readonly introspection: ResolvedIntrospection | undefined
}

/** Validated {@link BearerIssuer}, with defaults. */
export interface ResolvedIssuer extends ResolvedProvider {
  readonly audience: readonly string[]
  readonly algorithms: readonly string[]
  /** URL of the key set, or the key set; undefined: the `jwks_uri` of the metadata. */
  readonly keys: string | { readonly keys: readonly object[] } | undefined
  readonly introspection: ResolvedIntrospector | undefined
}

/** Validated {@link BearerOptions}, with defaults; frozen. */
export interface ResolvedBearer extends ResolvedBearerSettings {
  readonly name: string
  readonly issuers: readonly ResolvedIssuer[]
  readonly origin: string | undefined
  /** Path of `baseUrl` without a final slash: an empty string or `/shop`. */
  readonly basePath: string
  readonly onError: BearerOptions['onError']
  readonly log: OidcLog | undefined
  readonly providerTimeoutSeconds: number
  readonly clockToleranceSeconds: number
  readonly fetch: typeof globalThis.fetch | undefined
  readonly allowInsecureIssuer: boolean
}

const settings = [
  'audience',
  'algorithms',
  'cacheSeconds',
  'dpop',
  'mtls',
] as const satisfies readonly (keyof BearerTokenOptions)[]
const known = [
  ...settings,
  'provider',
  'issuer',
  'introspection',
  'baseUrl',
  'roles',
  'name',
  'onError',
  'log',
  'providerTimeoutSeconds',
  'clockToleranceSeconds',
  'fetch',
  'allowInsecureIssuer',
] as const satisfies readonly (keyof BearerOptions)[]
const knownOfIssuer = [
  'provider',
  'issuer',
  'audience',
  'algorithms',
  'keys',
  'roles',
  'introspection',
] as const satisfies readonly (keyof BearerIssuer)[]

/** Maximum number of issuers of a guard, and of values of an audience. */
const mostEntries = 1000

/**
 * Validates the options of `createBearer` and adds the defaults.
 * @throws OidcError `options_invalid`, which names every fault with its fix.
 */
export function resolveBearer(given: unknown): ResolvedBearer {
  const checks = new Checks(given, 'the options of createBearer()', known)
  const allowInsecureIssuer = checks.boolean('allowInsecureIssuer', false)
  const own = readBearerSettings(checks)
  const roles = checks.function<NonNullable<ResolvedIssuer['roles']>>('roles')
  const base = checks.value('baseUrl') === undefined ? undefined : readBaseUrl(checks)
  const resolved: ResolvedBearer = {
    ...own,
    name: checks.string('name', 'a short word that names this guard in events') ?? 'bearer',
    issuers: readIssuers(checks, {
      ...own,
      roles,
      introspection: readIntrospector(checks),
      allowInsecureIssuer,
      hasAudience: checks.has('audience'),
    }),
    origin: base?.origin,
    basePath: base?.pathname.replace(/\/$/, '') ?? '',
    onError: checks.function('onError'),
    log: readLog(checks),
    providerTimeoutSeconds: checks.seconds('providerTimeoutSeconds', 5, 0.1, 300),
    clockToleranceSeconds: checks.seconds('clockToleranceSeconds', 30, 0, 300),
    fetch: checks.function('fetch'),
    allowInsecureIssuer,
  }
  if (own.dpop !== undefined && checks.value('baseUrl') === undefined) {
    checks.fault('`dpop` requires `baseUrl`; pass the URL at which clients reach this API (RFC 9449 4.2)')
  }
  if (checks.faults.length > 0) throw optionsInvalid('createBearer()', checks.faults)
  return Object.freeze(resolved)
}

/** Validates the option `bearer` of `createOidc`. Its faults are added to those of the other options. */
export function resolveBearerSettings(outer: Checks): ResolvedLoginBearer {
  const given = outer.value('bearer')
  const read = (inner: Checks): ResolvedLoginBearer => ({
    ...readBearerSettings(inner),
    introspection: readIntrospection(inner),
  })
  return outer.nested('bearer', [...settings, 'introspection'], read, { given: given === undefined ? {} : given })
}

function readBearerSettings(checks: Checks): ResolvedBearerSettings {
  return {
    audience: readAudience(checks) ?? [],
    algorithms: readAlgorithms(checks) ?? acceptedAlgorithms,
    cacheSeconds: checks.seconds('cacheSeconds', 60, 0, 3600),
    ...readBinding(checks),
  }
}

/** Returns the option `audience` as a list; undefined if it is missing or invalid. */
export function readAudience(checks: Checks): readonly string[] | undefined {
  // An audience that is present but undefined must be a fault: otherwise tokens for other audiences could pass.
  if (!checks.has('audience')) return undefined
  const given = checks.value('audience')
  const list: readonly unknown[] = Array.isArray(given) ? given : [given]
  const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== ''
  if (list.length > 0 && list.length <= mostEntries && list.every(isText)) return [...new Set(list)]
  if (!checks.refuseUndefined('audience', unsetVariable)) {
    checks.fault(
      "`audience` must be a non-empty string or array; pass this API's identifier, as in the `aud` of its tokens",
    )
  }
  return undefined
}

type Defaults = { readonly hasAudience: boolean } & Pick<
  ResolvedIssuer,
  'audience' | 'algorithms' | 'roles' | 'introspection'
> & {
    readonly allowInsecureIssuer: boolean
  }

const audienceMissing =
  "`audience` is missing; pass this API's identifier, as in the `aud` of its tokens (RFC 8725 3.9)"

function readIssuers(checks: Checks, defaults: Defaults): readonly ResolvedIssuer[] {
  const entries = listEntries(checks, defaults)
  const issuers = entries.map((entry, index) => {
    const inner = new Checks(entry, 'an issuer, unless a string or URL,', knownOfIssuer)
    const issuer = readIssuerEntry(inner, defaults)
    const where = entries.length === 1 ? '' : `\`issuer\` ${index + 1} of ${entries.length}: `
    checks.faults.push(...inner.faults.map((fault) => where + fault))
    return issuer
  })
  for (const [index, { issuer }] of issuers.entries()) {
    if (issuer === '' || issuers.findIndex((other) => other.issuer === issuer) === index) continue
    checks.fault(`\`issuer\` lists ${issuer} twice; list it once, with all audiences in its \`audience\``)
  }
  if (issuers.filter(({ introspection }) => introspection).length > 1) {
    checks.fault('`introspection` is set for several issuers, but an opaque token names no issuer; set it for one only')
  }
  return issuers
}

/** Returns the entries of the option `issuer`, or one for the option `provider`; none if there is a fault. */
function listEntries(checks: Checks, { roles, hasAudience }: Defaults): readonly unknown[] {
  const provider = checks.value('provider')
  const issuer = checks.value('issuer')
  const list: readonly unknown[] = Array.isArray(issuer) ? issuer : [issuer]
  const fault =
    list.length > mostEntries
      ? `\`issuer\` has ${list.length} entries; pass at most ${mostEntries}`
      : findChoiceFault(provider, provider === undefined && list.length === 0 ? undefined : issuer)
  if (fault !== undefined) {
    checks.fault(fault)
    if (!hasAudience) checks.fault(audienceMissing)
    return []
  }
  // The option `roles` is next to `provider`, so it replaces the provider's roles, as in an entry of a list.
  if (provider !== undefined) return [{ provider, roles }]
  return list.map((each) => {
    if (typeof each === 'string' || each instanceof URL) return { issuer: each }
    return OidcProvider.reveal(each) ? { provider: each } : each
  })
}

function readIssuerEntry(
  checks: Checks,
  { allowInsecureIssuer: allowInsecure, ...defaults }: Defaults,
): ResolvedIssuer {
  const neededMetadata = checks.value('keys') === undefined ? ['jwks_uri'] : []
  const provider = readProvider(checks, { allowInsecure, neededMetadata })
  const audience = readAudience(checks) ?? defaults.audience
  if (!defaults.hasAudience && !checks.has('audience')) checks.fault(audienceMissing)
  return {
    ...provider,
    audience,
    algorithms: readAlgorithms(checks) ?? defaults.algorithms,
    keys: readKeySource(checks, allowInsecure),
    roles: checks.function<NonNullable<ResolvedIssuer['roles']>>('roles') ?? provider.roles ?? defaults.roles,
    introspection: readIntrospector(checks) ?? defaults.introspection,
  }
}

function readKeySource(checks: Checks, allowInsecure: boolean): ResolvedIssuer['keys'] {
  const given = checks.value('keys')
  if (given === undefined) return undefined
  if (given instanceof URL) {
    const fault = findEndpointFault(given.href, allowInsecure, '`keys`')
    if (fault) checks.fault(fault)
    return given.href
  }
  const { keys } = Object(given) as Record<string, unknown>
  if (Array.isArray(keys) && keys.length > 0 && keys.every((key) => key !== null && typeof key === 'object')) {
    // A copy, so that the keys stay as they were validated.
    return JSON.parse(JSON.stringify({ keys })) as { keys: object[] }
  }
  checks.fault('`keys` must be a URL object, or a key set such as `{ keys: [...] }` (RFC 7517 5)')
  return undefined
}
