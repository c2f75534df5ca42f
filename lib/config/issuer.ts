import { readFileSync } from 'node:fs'
import { isLoopback, parsedUrl } from '../core/urls.ts'
import type { Checks } from './checks.ts'
import type { OidcProviderMetadata } from './provider-metadata.ts'

/** Members of a provider's metadata that a login requires. */
export const loginMetadata = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const

/** Returns the issuer and its metadata, if the option `issuer` has them as an object or as a `file:` URL. */
export function readIssuer(
  checks: Checks,
  allowInsecure: boolean,
  needed: readonly string[],
): { issuer: string; metadata: OidcProviderMetadata | undefined } {
  const given = checks.value('issuer')
  const none = { issuer: '', metadata: undefined }
  if (given === undefined) {
    checks.fault(
      "issuer is missing: pass the provider's issuer identifier, for example 'https://id.example.com/realms/acme'",
    )
    return none
  }
  if (typeof given === 'string' || (given instanceof URL && given.protocol !== 'file:')) {
    // A URL object adds a slash to an origin. The identifier of an issuer without a path has none.
    const issuer = typeof given === 'string' ? given : given.href.replace(/^([^/]+\/\/[^/]+)\/$/, '$1')
    const fault = issuerFault(issuer, allowInsecure)
    if (fault) checks.fault(fault)
    return { issuer, metadata: undefined }
  }
  const metadata = given instanceof URL ? metadataFile(checks, given) : given
  if (metadata === undefined) return none
  if (metadata === null || typeof metadata !== 'object' || Array.isArray(metadata)) {
    checks.fault("issuer must be the provider's issuer identifier, its metadata, or the file: URL of its metadata")
    return none
  }
  const members = metadata as Record<string, unknown>
  const required = ['issuer', ...needed]
  const others = Object.keys(members).filter((member) => member.endsWith('_endpoint'))
  for (const member of new Set([...required, ...others])) {
    const fault = (member === 'issuer' ? issuerFault : endpointFault)(
      members[member],
      allowInsecure,
      `the metadata's ${member}`,
    )
    if (fault) checks.fault(fault)
  }
  return {
    issuer: typeof members['issuer'] === 'string' ? members['issuer'] : '',
    metadata: JSON.parse(JSON.stringify(members)) as OidcProviderMetadata,
  }
}

function metadataFile(checks: Checks, url: URL): unknown {
  try {
    return JSON.parse(readFileSync(url, 'utf8'))
  } catch (error) {
    checks.fault(`issuer: the metadata file ${url.pathname} cannot be read as JSON (${(error as Error).name})`)
    return undefined
  }
}

/** Returns the fault of an issuer identifier; undefined if it is valid. */
export function issuerFault(value: unknown, allowInsecure: boolean, what = 'issuer'): string | undefined {
  const fault = endpointFault(value, allowInsecure, what)
  if (fault) return fault
  const url = new URL(value as string)
  if (url.search || url.hash) return `${what} must not have a query or a fragment`
  if (/\/\.well-known\//.test(url.pathname)) {
    return `${what} must be the issuer identifier alone: leave out '/.well-known/...', it is added for discovery`
  }
  return undefined
}

/** Returns the fault of an endpoint's URL; undefined if it is valid. */
export function endpointFault(value: unknown, allowInsecure: boolean, what: string): string | undefined {
  const url = typeof value === 'string' ? parsedUrl(value) : undefined
  if (!url) return `${what} must be an absolute URL`
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `${what} must be an https: URL`
  if (url.username || url.password) return `${what} must not contain a user name or password`
  if (url.protocol === 'http:' && !isLoopback(url.hostname) && !allowInsecure) {
    return `${what} is plain http: and not on loopback: use https:, or pass allowInsecureIssuer: true and know that anyone on the way can forge logins`
  }
  return undefined
}
