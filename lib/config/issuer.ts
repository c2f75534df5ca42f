import { readFileSync } from 'node:fs'
import { copyOwnProperties } from '../core/own-properties.ts'
import { isLoopback, parseUrl } from '../core/urls.ts'
import type { OidcProviderMetadata } from './provider-metadata.ts'

/** Members of a provider's metadata that a login requires. */
export const loginMetadata = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const

/** What an issuer must have besides a valid identifier. */
export interface IssuerNeeds {
  readonly allowInsecure: boolean
  /** Members that the metadata must have, if it was passed. */
  readonly neededMetadata: readonly string[]
}

/** An issuer, with its metadata if that was passed. `issuer` is empty if there are faults. */
export interface IssuerReading {
  readonly issuer: string
  readonly metadata: OidcProviderMetadata | undefined
  readonly faults: readonly string[]
}

/** Validates an issuer: its identifier, or its metadata, as an object or as the `file:` URL of a JSON file. */
export function readIssuer(given: unknown, needs: IssuerNeeds): IssuerReading {
  if (given instanceof URL && given.protocol === 'file:') return readMetadataFile(given, needs)
  if (typeof given !== 'string' && !(given instanceof URL)) return readMetadata(given, needs)
  // A URL object appends a slash to a bare origin, but an issuer identifier without a path has none.
  const issuer = typeof given === 'string' ? given : given.href.replace(/^([^/]+\/\/[^/]+)\/$/, '$1')
  const fault = findIssuerFault(issuer, needs.allowInsecure)
  return fault === undefined ? { issuer, metadata: undefined, faults: [] } : rejectIssuer(fault)
}

function readMetadataFile(url: URL, needs: IssuerNeeds): IssuerReading {
  try {
    return readMetadata(JSON.parse(readFileSync(url, 'utf8')), needs)
  } catch (error) {
    return rejectIssuer(
      `\`issuer\`: the metadata file ${url.pathname} is unreadable or not JSON (${(error as Error).name}); check its path and content`,
    )
  }
}

function readMetadata(given: unknown, { allowInsecure, neededMetadata }: IssuerNeeds): IssuerReading {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    return rejectIssuer(
      "`issuer` must be the provider's issuer identifier, its metadata, or the file: URL of its metadata",
    )
  }
  const members = copyOwnProperties(given as Record<string, unknown>)
  const endpoints = Object.keys(members).filter((member) => member.endsWith('_endpoint'))
  const faults = [...new Set(['issuer', ...neededMetadata, ...endpoints])].map((member) => {
    const findFault = member === 'issuer' ? findIssuerFault : findEndpointFault
    return findFault(members[member], allowInsecure, `the metadata's \`${member}\``)
  })
  const found = faults.filter((fault) => fault !== undefined)
  if (found.length > 0) return rejectIssuer(...found)
  const metadata = JSON.parse(JSON.stringify(members)) as OidcProviderMetadata
  return { issuer: metadata.issuer, metadata, faults: [] }
}

/** Returns the reading of an issuer that has faults. */
export function rejectIssuer(...faults: readonly string[]): IssuerReading {
  return { issuer: '', metadata: undefined, faults }
}

/** Returns the fault of an issuer identifier; undefined if it is valid. */
export function findIssuerFault(value: unknown, allowInsecure: boolean, what = '`issuer`'): string | undefined {
  const fault = findEndpointFault(value, allowInsecure, what)
  if (fault) return fault
  const url = new URL(value as string)
  if (url.search || url.hash) return `${what} must not have a query or a fragment`
  if (/\/\.well-known\//.test(url.pathname)) {
    return `${what} must be the issuer identifier alone; remove '/.well-known/...', which discovery adds`
  }
  return undefined
}

/** Returns the fault of an endpoint's URL; undefined if it is valid. */
export function findEndpointFault(value: unknown, allowInsecure: boolean, what: string): string | undefined {
  const url = typeof value === 'string' ? parseUrl(value) : undefined
  if (!url) return `${what} must be an absolute URL`
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `${what} must be an https: URL`
  if (url.username || url.password) return `${what} must not contain a user name or password`
  if (url.protocol === 'http:' && !isLoopback(url.hostname) && !allowInsecure) {
    return `${what} uses http: and is not on loopback; use https:, or pass \`allowInsecureIssuer: true\`, which lets anyone on the network forge logins`
  }
  return undefined
}
