/**
 * The signature algorithms that are accepted, whatever a provider lists: asymmetric ones alone, so that nothing signed
 * with a public key as a secret, or not at all, can pass (RFC 8725 3.1, 3.2).
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
 * The algorithms that ID tokens and logout tokens of a client may be signed with: the one that it is registered with
 * (`id_token_signed_response_alg`), else those of the provider.
 */
export function idTokenAlgorithms(registered: string | undefined, listed: unknown): string[] {
  return registered === undefined ? providerAlgorithms(listed) : [registered]
}

/** Those of the provider's list that are accepted; RS256 where it lists none (OIDC Core 3.1.3.7, 6). */
export function providerAlgorithms(listed: unknown): string[] {
  if (!Array.isArray(listed)) return ['RS256']
  return acceptedAlgorithms.filter((algorithm) => listed.includes(algorithm))
}
