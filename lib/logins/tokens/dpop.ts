import { OidcError } from '../../core/errors.ts'
import { dpopHandle } from '../../provider/dpop-keys.ts'
import type { KeptTokens } from '../../store/tokens.ts'
import type { Instance } from '../instance.ts'
import { loginAgain } from './kept-tokens.ts'
import type { DpopHandle } from '../../provider/token-response.ts'

/**
 * What makes the proofs of the key that the tokens of a login are bound to (RFC 9449); undefined where they are bound to
 * none. That is up to the login as it was begun, whatever the option says by now.
 *
 * @throws OidcError `login_required` where the key is gone or cannot be used, `provider_unavailable`
 */
export async function dpopOf(
  instance: Instance,
  { tokenType, dpopKey }: Pick<KeptTokens, 'tokenType' | 'dpopKey'>,
): Promise<DpopHandle | undefined> {
  if (dpopKey === undefined && tokenType === 'dpop') throw unusable(instance)
  try {
    return await dpopHandle(instance.provider, dpopKey)
  } catch (error) {
    // Not as a cause: what the cryptography says of a key is not to be told.
    throw error instanceof OidcError ? error : unusable(instance)
  }
}

function unusable(instance: Instance): OidcError {
  return loginAgain(instance, 'the tokens of this login are bound to a key (DPoP) that is gone or cannot be used')
}
