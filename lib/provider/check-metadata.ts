import type { ServerMetadata } from 'openid-client'
import { fail } from '../core/errors.ts'
import { isSecureUrl } from '../core/urls.ts'

/** Values against which the metadata is checked. */
export interface MetadataChecks {
  readonly issuer: string
  readonly allowInsecureIssuer: boolean
  readonly rules?: { readonly metadataIssuer?: string | undefined } | undefined
  /** Members that the metadata must have. */
  readonly neededMetadata: readonly (keyof ServerMetadata & string)[]
}

/** Throws unless the metadata has exactly the expected issuer (OIDC Discovery, section 4.3) and the needed members. */
export function requireMetadata(metadata: Readonly<ServerMetadata>, options: MetadataChecks, url: string): void {
  const { issuer, rules, allowInsecureIssuer, neededMetadata } = options
  const faults: string[] = []
  if (metadata.issuer !== (rules?.metadataIssuer ?? issuer)) faults.push(describeIssuer(metadata.issuer, options))
  for (const member of neededMetadata) {
    if (metadata[member] === undefined) faults.push(`${member} is missing; the provider must publish it`)
  }
  // Browsers and tokens are sent to these URLs, so none may be a script URL or unencrypted.
  for (const [member, value] of Object.entries(metadata)) {
    if (!/(?:_endpoint|^jwks_uri)$/.test(member)) continue
    if (!isSecureUrl(value, allowInsecureIssuer))
      faults.push(`${member} is not an https: URL; correct it at the provider`)
  }
  if (faults.length > 0) {
    throw fail('provider_response_invalid', `discovery at ${url}: the metadata are invalid: ${faults.join('; ')}`)
  }
}

/** Describes an issuer in the metadata that is not the configured one. It is the value to set. */
export function describeIssuer(found: unknown, { rules }: Pick<MetadataChecks, 'rules'>): string {
  const option = rules?.metadataIssuer === undefined ? 'issuer' : 'metadataIssuer'
  const value = (JSON.stringify(found) ?? 'missing').slice(0, 300)
  return `the issuer of the metadata is ${value}; set \`${option}\` to exactly ${value} if that is your provider`
}
