import { fail, OidcError, providerUnavailable } from '../core/errors.ts'
import { describeIssuer, type MetadataChecks } from './check-metadata.ts'
import { convertProviderError, isDown } from './provider-faults.ts'
import { listCauses } from './provider-words.ts'

/** What a discovery requested and received. */
export interface DiscoveryAttempt {
  /** The URL of the metadata. */
  readonly url: string
  /** A copy of the response; undefined if there was none. */
  response?: Response | undefined
}

/** Codes of Node and OpenSSL for a certificate that is not trusted. */
const certificateCodes =
  /^(?:CERT_\w+|\w*SELF_SIGNED_CERT\w*|UNABLE_TO_(?:GET_ISSUER_CERT|VERIFY_LEAF_SIGNATURE)\w*|ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)$/

/**
 * Converts the error of a failed discovery: `provider_misconfigured` if waiting does not change it, otherwise
 * `provider_unavailable`.
 */
export async function convertDiscoveryError(
  error: unknown,
  options: Pick<MetadataChecks, 'issuer' | 'rules'>,
  attempt: DiscoveryAttempt,
): Promise<OidcError> {
  const fault = await convertProviderError(error, `discovery at ${attempt.url}`)
  // The option `fetch` is at fault.
  if (fault.code === 'setup_invalid') return fault
  const { detail = '' } = fault
  const fix =
    (await findResponseFix(options.issuer, attempt)) ?? findMetadataFix(error, options) ?? findCertificateFix(error)
  if (fix !== undefined) return fail('provider_misconfigured', `${detail}; ${fix}`)
  // The response is JSON, but not usable metadata.
  const isUnusable = fault.code === 'provider_response_invalid' || fault.code === 'client_rejected'
  if (isUnusable) return fail('provider_misconfigured', detail)
  return fault.status === 503 ? fault : providerUnavailable(detail)
}

/** Returns the fix for a response that cannot be metadata; undefined if there is none, or if the provider is failing. */
async function findResponseFix(issuer: string, { url, response }: DiscoveryAttempt): Promise<string | undefined> {
  if (!response || isDown(response.status)) return undefined
  const { status, headers } = response
  if (status >= 300 && status < 400) {
    return `it redirects to ${readTarget(headers.get('location'), url)}; set \`issuer\` to exactly the issuer of the provider, which is not redirected`
  }
  if (status >= 400) return describeMissingMetadata(issuer)
  if (!(await isPage(response))) return undefined
  return `the response is an HTML page; ${describeMissingMetadata(issuer)}`
}

/** Returns the fix for a JSON response that has no issuer, or another one (OIDC Discovery, section 4.3). */
function findMetadataFix(error: unknown, options: Pick<MetadataChecks, 'issuer' | 'rules'>): string | undefined {
  for (const cause of listCauses(error)) {
    if (cause instanceof Response) return undefined
    const { attribute, body } = cause as { attribute?: unknown; body?: unknown }
    if (attribute === 'issuer') return describeIssuer((body as { issuer: unknown }).issuer, options)
    if (body !== undefined) return describeMissingMetadata(options.issuer)
  }
  return undefined
}

/** Returns the target of a redirect, without its query. */
function readTarget(location: string | null, base: string): string {
  const target = location !== null && URL.canParse(location, base) ? new URL(location, base) : undefined
  return target ? JSON.stringify((target.origin + target.pathname).slice(0, 300)) : 'no valid URL'
}

async function isPage(response: Response): Promise<boolean> {
  if (/^text\/html\b/i.test(response.headers.get('content-type') ?? '')) return true
  return (await response.text()).slice(0, 100).trimStart().startsWith('<')
}

/** Returns the fix for an issuer that has no metadata. */
function describeMissingMetadata(issuer: string): string {
  const { hostname, pathname } = new URL(issuer)
  if (hostname === 'github.com' || hostname === 'api.github.com') {
    return 'github.com is not an OpenID provider for logins: it issues no ID tokens to OAuth apps; use a provider that offers GitHub as an identity provider'
  }
  const realm = /\/realms\/([^/]+)/.exec(pathname)?.[1]
  if (realm === undefined)
    return 'there are no metadata at this URL; set `issuer` to exactly the issuer of the provider'
  const path = pathname.startsWith('/auth/')
    ? 'remove `/auth` from the URL: Keycloak 17 and later have no such path by default'
    : 'add `/auth` before `/realms` if Keycloak has such a path (before version 17, or with `http-relative-path`)'
  return `check the name of the realm ${JSON.stringify(realm.slice(0, 100))}; at Keycloak, ${path}`
}

function findCertificateFix(error: unknown): string | undefined {
  const code = listCauses(error)
    .map((cause) => (cause as { code?: unknown }).code)
    .find((each): each is string => typeof each === 'string' && certificateCodes.test(each))
  if (code === undefined) return undefined
  if (code === 'CERT_HAS_EXPIRED') return 'the certificate has expired; renew it, and check the clock of this machine'
  if (code === 'CERT_NOT_YET_VALID') return 'the certificate is not valid yet; check the clock of this machine'
  return code === 'ERR_TLS_CERT_ALTNAME_INVALID'
    ? 'the certificate is for another host; correct the host in `issuer`, or the certificate'
    : 'the certificate is not trusted; set the environment variable NODE_EXTRA_CA_CERTS to the file of its certificate authority, or have the provider send its intermediate certificates'
}
