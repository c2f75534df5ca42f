import type { Checks } from './checks.ts'

/**
 * The signature algorithms that this package accepts; the list of a provider can only narrow them. All are asymmetric: a
 * token that is unsigned, or signed with a public key as the secret, must not pass (RFC 8725, sections 3.1 and 3.2).
 */
export const acceptedAlgorithms: readonly string[] = [
  'RS256',
  'PS256',
  'ES256',
  'EdDSA',
  'Ed25519',
  'RS384',
  'RS512',
  'PS384',
  'PS512',
  'ES384',
  'ES512',
]

/**
 * Returns the accepted algorithms of ID and logout tokens: the one that the client is registered with
 * (`id_token_signed_response_alg`), otherwise those of the provider.
 */
export function listIdTokenAlgorithms(registered: string | undefined, listed: unknown): string[] {
  return registered === undefined ? listProviderAlgorithms(listed) : [registered]
}

/**
 * Returns the accepted algorithms in the provider's list; RS256 if there is no list (OIDC Core, section 3.1.3.7, item 7).
 */
export function listProviderAlgorithms(listed: unknown): string[] {
  if (!Array.isArray(listed)) return ['RS256']
  return acceptedAlgorithms.filter((algorithm) => listed.includes(algorithm))
}

/** Returns the option `algorithms` of a guard; undefined if it is missing or invalid. */
export function readAlgorithms(checks: Checks): readonly string[] | undefined {
  const given = checks.value('algorithms')
  if (given === undefined) return undefined
  if (Array.isArray(given) && given.length > 0) {
    const strange = given.findIndex((algorithm) => !acceptedAlgorithms.includes(algorithm as string))
    if (strange === -1) return [...(given as string[])]
    checks.fault(
      `\`algorithms\` has ${JSON.stringify(given[strange])}, which is not supported; use ${acceptedAlgorithms.join(', ')}`,
    )
  } else checks.fault(`\`algorithms\` must be a non-empty array of ${acceptedAlgorithms.join(', ')}`)
  return undefined
}
