import { resolveLoginTokenParameters, type LoginTokenParameters } from '../config/token-parameters.ts'
import { withLogin } from '../logins/by-id.ts'
import type { Instance } from '../logins/instance.ts'
import type { LoginPlace } from '../logins/kept-tokens.ts'
import { freshToken } from '../logins/refresh.ts'
import type { AccessToken } from '../session/vault.ts'
import { toldError } from './answers.ts'
import { setupInvalid } from './request-state.ts'

/** The logins of an instance, without a request. They need the option `sessionStore`. */
export interface Logins {
  /**
   * The access token of a login, for jobs: as `req.oidc.accessToken()` gives it, with the same single refresh. Only while the
   * session of the login lives, which this does not prolong.
   *
   * @throws OidcError `login_required` (401) where the login or its session has ended or there is none of this id; as
   * `req.oidc.accessToken()` otherwise; `setup_invalid` (500) where the option `sessionStore` is missing; `options_invalid`
   * where a parameter is wrong.
   */
  accessToken(parameters: LoginTokenParameters): Promise<string>
}

export function loginsOf(instance: Instance): Logins {
  return Object.freeze<Logins>({
    async accessToken(parameters) {
      const { id, ...wanted } = resolveLoginTokenParameters(parameters)
      const { sessionStore } = instance.options
      if (!sessionStore) {
        throw setupInvalid(
          'oidc.logins look without a request: pass createOidc({ sessionStore }) the store that session() has',
        )
      }
      try {
        const work = (place: LoginPlace): Promise<AccessToken> => freshToken(instance, place, wanted)
        return (await withLogin(instance, sessionStore, id, work)).accessToken
      } catch (error) {
        throw toldError(instance, error)
      }
    },
  })
}
