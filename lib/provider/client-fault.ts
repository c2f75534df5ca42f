import type { ServerMetadata } from 'openid-client'
import { fail, type OidcError } from '../core/errors.ts'
import { convertProviderError, encodeForm, listCredentials } from './provider-faults.ts'
import { formatWords, readProviderWords } from './provider-words.ts'
import type { Provider, ProviderOptions } from './provider.ts'

/** A request that authenticates the client. */
export interface ClientRequest {
  /** What was requested. */
  readonly what: string
  /** The member of the metadata with the URL. */
  readonly endpoint: keyof ServerMetadata & `${string}_endpoint`
  /** Texts that must not appear in the error, in addition to the credentials of the client. */
  readonly secrets: readonly (string | undefined)[]
}

/** Errors with which a provider rejects the credentials of a client. Keycloak uses the second one for a wrong secret. */
const credentialErrors = /"(?:invalid_client|unauthorized_client|bad_client_secret|incorrect_client_credentials)"/

/** Converts the error of a request that authenticates the client. The detail of `client_rejected` says what to change. */
export async function convertClientError(
  provider: Provider,
  error: unknown,
  { what, endpoint, secrets }: ClientRequest,
): Promise<OidcError> {
  const { metadata } = await provider.ready()
  const { options } = provider
  const fault = await convertProviderError(error, `${what} at ${metadata[endpoint] as string}`, [
    ...secrets,
    ...listCredentials(options),
  ])
  if (fault.code !== 'client_rejected') return fault
  const { detail = '' } = fault
  if (!credentialErrors.test(detail) && !/\bstatus 401\b/.test(detail)) return fault
  return fail('client_rejected', `${detail}; ${describeCredentialFix(options, metadata)}`)
}

/** Describes an `invalid_grant` (RFC 6749, section 5.2) with the description of the provider. */
export async function describeGrantError(
  { options }: Provider,
  error: unknown,
  what: string,
  secrets: readonly (string | undefined)[],
): Promise<string> {
  const words = await readProviderWords(error)
  return words ? `${what}: ${formatWords(words, [...secrets, ...listCredentials(options)])}` : what
}

/** Returns what to change if the provider rejects the credentials of the client. */
function describeCredentialFix(
  { clientId, clientSecret, clientAuth }: ProviderOptions,
  { token_endpoint_auth_methods_supported: listed }: Readonly<ServerMetadata>,
): string {
  // The default of a missing list (OIDC Discovery, section 3).
  const methods = Array.isArray(listed) ? listed.slice(0, 20).map(String) : ['client_secret_basic']
  if (Array.isArray(listed) && !methods.includes(clientAuth)) {
    const other = ['client_secret_post', 'client_secret_basic', 'none'].find((method) => methods.includes(method))
    const supported = `the metadata list ${methods.join(', ').slice(0, 200)}`
    return other === undefined
      ? `${supported}; register the client with \`${clientAuth}\`, because this package supports none of these methods`
      : `${supported}; set \`clientAuth\` to '${other}'`
  }
  if (clientAuth === 'none') return 'check `clientId`, and pass `clientSecret` if the client is confidential'
  const isEncoded = [clientId, clientSecret ?? ''].some((text) => encodeForm(text) !== text)
  if (clientAuth === 'client_secret_basic' && isEncoded) {
    return "check `clientId` and `clientSecret`; if they are right, set `clientAuth` to 'client_secret_post': client_secret_basic encodes characters that they have (RFC 6749, section 2.3.1), and some providers do not decode them"
  }
  return 'check `clientId` and `clientSecret`'
}
