import { OidcError } from '../../core/errors.ts'
import { makeDpopHandle } from '../../provider/dpop-keys.ts'
import type { StoredTokens } from '../../store/tokens.ts'
import type { Instance } from '../instance.ts'
import { loginAgain } from './stored-tokens.ts'
import type { DpopHandle } from '../../provider/token-response.ts'

/**
 * Returns the handle that creates DPoP proofs with the login's key (RFC 9449, section 4); undefined for an unbound login.
 * The login decides, not the current option `dpop`: tokens remain bound as they were issued.
 *
 * @throws OidcError `login_required` if the key is missing or unusable, `provider_unavailable`
 */
export async function restoreDpop(
  instance: Instance,
  { tokenType, dpopKey }: Pick<StoredTokens, 'tokenType' | 'dpopKey'>,
): Promise<DpopHandle | undefined> {
  if (dpopKey === undefined && tokenType === 'dpop') throw unusable(instance)
  try {
    if (dpopKey !== undefined) await instance.provider.readyDuringLogin()
    return await makeDpopHandle(instance.provider, dpopKey)
  } catch (error) {
    // Not kept as a cause: cryptographic errors may describe the private key.
    throw error instanceof OidcError ? error : unusable(instance)
  }
}

function unusable(instance: Instance): OidcError {
  return loginAgain(instance, 'the DPoP key of this login is missing or unusable')
}
