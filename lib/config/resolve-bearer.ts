import { acceptedAlgorithms } from './algorithms.ts'
import { readBaseUrl } from './base-url.ts'
import type { BearerIssuer, BearerOptions, BearerTokenOptions } from './bearer-options.ts'
import { Checks, optionsInvalid, unsetVariable } from './checks.ts'
import { endpointFault, issuerFault } from './issuer.ts'
import { issuerRules, readIssuerRules, rulesOfOneIssuer, type IssuerRules } from './issuer-rules.ts'
import {
  readIntrospection,
  readIntrospector,
  type ResolvedIntrospection,
  type ResolvedIntrospector,
} from './resolve-introspection.ts'
import { readBinding, type ResolvedBinding } from './resolve-binding.ts'
import type { OidcRoleSources } from './claims.ts'

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
export interface ResolvedIssuer {
  readonly issuer: string
  readonly audience: readonly string[]
  readonly algorithms: readonly string[]
  /** URL of the key set, or the key set; undefined: the `jwks_uri` of the metadata. */
  readonly keys: string | { readonly keys: readonly object[] } | undefined
  readonly roles: ((sources: OidcRoleSources) => readonly string[]) | undefined
  readonly introspection: ResolvedIntrospector | undefined
  readonly rules: IssuerRules | undefined
}

/** Validated {@link BearerOptions}, with defaults; frozen. */
export interface ResolvedBearer extends ResolvedBearerSettings {
  readonly name: string
  readonly issuers: readonly ResolvedIssuer[]
  readonly origin: string | undefined
  /** Path of `baseUrl` without a final slash: an empty string or `/shop`. */
  readonly basePath: string
  readonly onError: BearerOptions['onError']
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
  'issuer',
  ...issuerRules,
  'introspection',
  'baseUrl',
  'roles',
  'name',
  'onError',
  'providerTimeoutSeconds',
  'clockToleranceSeconds',
  'fetch',
  'allowInsecureIssuer',
] as const satisfies readonly (keyof BearerOptions)[]
const knownOfIssuer = [
  'issuer',
  ...issuerRules,
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
    name: checks.string('name', 'a short word for the events of this guard') ?? 'bearer',
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
    providerTimeoutSeconds: checks.seconds('providerTimeoutSeconds', 5, 0.1, 300),
    clockToleranceSeconds: checks.seconds('clockToleranceSeconds', 30, 0, 300),
    fetch: checks.function('fetch'),
    allowInsecureIssuer,
  }
  if (own.dpop !== undefined && checks.value('baseUrl') === undefined) {
    checks.fault('dpop needs baseUrl, where clients reach this API: each proof is for a URL (RFC 9449 4.2)')
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
  // An audience that is present but undefined must be a fault: without one, tokens for other audiences could pass.
  if (!checks.has('audience')) return undefined
  const given = checks.value('audience')
  const list: readonly unknown[] = Array.isArray(given) ? given : [given]
  const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== ''
  if (list.length > 0 && list.length <= mostEntries && list.every(isText)) return [...new Set(list)]
  if (!checks.refuseUndefined('audience', unsetVariable)) {
    checks.fault("audience must be this API's identifier at its provider, as the tokens' aud has it, or a list of such")
  }
  return undefined
}

function readAlgorithms(checks: Checks): readonly string[] | undefined {
  const given = checks.value('algorithms')
  if (given === undefined) return undefined
  if (Array.isArray(given) && given.length > 0) {
    const strange = given.findIndex((algorithm) => !acceptedAlgorithms.includes(algorithm as string))
    if (strange === -1) return [...(given as string[])]
    checks.fault(`algorithms: ${JSON.stringify(given[strange])} is not one of ${acceptedAlgorithms.join(', ')}`)
  } else checks.fault(`algorithms must be a list, not empty, of ${acceptedAlgorithms.join(', ')}`)
  return undefined
}

type Defaults = { readonly hasAudience: boolean } & Pick<
  ResolvedIssuer,
  'audience' | 'algorithms' | 'roles' | 'introspection'
> & {
    readonly allowInsecureIssuer: boolean
  }

const audienceMissing =
  "audience is missing: pass this API's identifier at its provider, as the tokens' aud has it (RFC 8725 3.9)"

function readIssuers(checks: Checks, defaults: Defaults): readonly ResolvedIssuer[] {
  const given = checks.value('issuer')
  const list: readonly unknown[] = Array.isArray(given) ? given : [given]
  if (given === undefined || list.length === 0 || list.length > mostEntries) {
    checks.fault(
      list.length > mostEntries
        ? `issuer: at most ${mostEntries} can be listed, and these are ${list.length}`
        : "issuer is missing: pass the provider's issuer identifier, for example 'https://id.example.com/realms/acme'",
    )
    if (!defaults.hasAudience) checks.fault(audienceMissing)
    return []
  }
  const isPlainIssuer = (each: unknown): boolean => typeof each === 'string' || each instanceof URL
  const rules = rulesOfOneIssuer(checks, list.length === 1 && isPlainIssuer(given))
  const issuers = list.map((each, index) => {
    const where = list.length === 1 ? '' : `issuer ${index + 1} of ${list.length}: `
    const entry = isPlainIssuer(each) ? { issuer: each, ...rules } : each
    const inner = new Checks(entry, 'an issuer', knownOfIssuer)
    const issuer = issuerEntry(inner, defaults)
    checks.faults.push(...inner.faults.map((fault) => where + fault))
    return issuer
  })
  for (const [index, { issuer }] of issuers.entries()) {
    if (issuer === '' || issuers.findIndex((other) => other.issuer === issuer) === index) continue
    checks.fault(`issuer: ${issuer} is listed twice: list it once, with all its audiences in its audience`)
  }
  if (issuers.filter(({ introspection }) => introspection).length > 1) {
    checks.fault('introspection: one issuer alone may have it, since an opaque token does not say whose it is')
  }
  return issuers
}

function issuerEntry(checks: Checks, { allowInsecureIssuer, ...defaults }: Defaults): ResolvedIssuer {
  const given = checks.value('issuer')
  // A URL object adds a slash to an origin. The identifier of an issuer without a path has none.
  const issuer = given instanceof URL ? given.href.replace(/^([^/]+\/\/[^/]+)\/$/, '$1') : given
  const fault = issuerFault(issuer, allowInsecureIssuer)
  if (fault) checks.fault(fault)
  const audience = readAudience(checks) ?? defaults.audience
  if (!defaults.hasAudience && !checks.has('audience')) checks.fault(audienceMissing)
  return {
    issuer: fault ? '' : (issuer as string),
    audience,
    algorithms: readAlgorithms(checks) ?? defaults.algorithms,
    keys: readKeySource(checks, allowInsecureIssuer),
    roles: checks.function<NonNullable<ResolvedIssuer['roles']>>('roles') ?? defaults.roles,
    introspection: readIntrospector(checks) ?? defaults.introspection,
    rules: readIssuerRules(checks, allowInsecureIssuer),
  }
}

function readKeySource(checks: Checks, allowInsecure: boolean): ResolvedIssuer['keys'] {
  const given = checks.value('keys')
  if (given === undefined) return undefined
  if (given instanceof URL) {
    const fault = endpointFault(given.href, allowInsecure, 'keys')
    if (fault) checks.fault(fault)
    return given.href
  }
  const { keys } = Object(given) as Record<string, unknown>
  if (Array.isArray(keys) && keys.length > 0 && keys.every((key) => key !== null && typeof key === 'object')) {
    // A copy, so that the keys stay as they were validated.
    return JSON.parse(JSON.stringify({ keys })) as { keys: object[] }
  }
  checks.fault('keys must be the URL object of a key set, or a key set: { keys: [...] } (RFC 7517 5)')
  return undefined
}
