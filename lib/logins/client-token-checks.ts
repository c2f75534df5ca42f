import { listIdTokenAlgorithms } from '../config/algorithms.ts'
import type { ClientTokenChecks } from '../tokens/id-token.ts'
import type { Instance } from './instance.ts'

/**
 * Returns the values against which the instance's ID tokens and logout tokens are checked.
 *
 * @throws OidcError `provider_unavailable`
 */
export async function makeClientTokenChecks({ options, provider }: Instance): Promise<ClientTokenChecks> {
  const { metadata } = await provider.ready()
  return {
    issuer: metadata.issuer,
    clientId: options.clientId,
    clockToleranceSeconds: options.clockToleranceSeconds,
    rules: options.rules,
    algorithms: listIdTokenAlgorithms(options.idTokenSignedResponseAlg, metadata.id_token_signing_alg_values_supported),
  }
}
