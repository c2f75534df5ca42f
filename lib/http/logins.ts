import {
  resolveEndParameters,
  resolveListParameters,
  type EndParameters,
  type ListParameters,
} from '../config/logins-parameters.ts'
import type { SessionStore } from '../config/session-store.ts'
import { resolveLoginTokenParameters, type LoginTokenParameters } from '../config/token-parameters.ts'
import { withLogin } from '../logins/tokens/by-id.ts'
import { endByApplication } from '../logins/logout/end-logins.ts'
import type { Instance } from '../logins/instance.ts'
import type { LoginPlace } from '../logins/tokens/kept-tokens.ts'
import { listLogins, type ListedLogin } from '../logins/logout/list-logins.ts'
import { freshToken } from '../logins/tokens/refresh.ts'
import type { AccessToken } from '../store/tokens.ts'
import { toldError } from './response/report-error.ts'
import { setupInvalid } from '../core/errors.ts'

/** A login of a user, as a list of devices shows it. Times are seconds since the epoch. */
export interface Login {
  /** Its id, as `req.oidc.loginId` and the events have it; for the application alone, since `end()` takes it. */
  readonly id: string
  /** Name of the instance. */
  readonly provider: string
  readonly issuer: string
  readonly sub: string
  /** The session at the provider, where it said. */
  readonly sid: string | undefined
  /** When the browser set out to log in. */
  readonly startedAt: number
  /** When its session was last in use, to a minute; undefined where the session store cannot tell. */
  readonly lastSeenAt: number | undefined
  /** When it ends whatever the activity. */
  readonly endsAt: number
  /** The browser's name of itself, with the option `rememberDevice`. */
  readonly userAgent: string | undefined
  /** The address that the login came from, with the option `rememberDevice`. */
  readonly address: string | undefined
}

/** The logins of an instance, without a request. They need the option `sessionStore`. */
export interface Logins {
  /**
   * The logins of a user, the latest first. To look does not prolong them.
   *
   * @throws OidcError `store_unavailable` (503); `setup_invalid` (500) where the option `sessionStore` is missing;
   * `options_invalid` where a parameter is wrong.
   */
  list(parameters: ListParameters): Promise<Login[]>
  /**
   * Ends logins for good, wherever they are in use, and those under way: what a changed password, a blocked account or "log
   * out there" calls. Says how many it has ended; their tokens are revoked behind it. At the provider the user stays logged
   * in, unless it ends a session with the last of its tokens. After a fault the same call ends the rest.
   *
   * @throws OidcError as {@link list}.
   */
  end(parameters: EndParameters): Promise<number>
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
  const told = async <Result>(work: (store: SessionStore) => Promise<Result>): Promise<Result> => {
    const { sessionStore } = instance.options
    if (!sessionStore) {
      throw setupInvalid(
        'oidc.logins look without a request: pass createOidc({ sessionStore }) the store that session() has',
      )
    }
    try {
      return await work(sessionStore)
    } catch (error) {
      throw toldError(instance, error)
    }
  }
  return Object.freeze<Logins>({
    async list(parameters) {
      const wanted = resolveListParameters(parameters)
      const listed = await told((store) => listLogins(instance, store, wanted))
      return listed.map((one) => loginOf(instance, one))
    },
    async end(parameters) {
      const wanted = resolveEndParameters(parameters)
      return told((store) => endByApplication(instance, store, wanted))
    },
    async accessToken(parameters) {
      const { id, ...wanted } = resolveLoginTokenParameters(parameters)
      const work = (place: LoginPlace): Promise<AccessToken> => freshToken(instance, place, wanted)
      return told(async (store) => (await withLogin(instance, store, id, work)).accessToken)
    },
  })
}

function loginOf({ options }: Instance, { slot, lastSeenAt }: ListedLogin): Login {
  const { loginId: id, issuer, sub, sid, startedAt, endsAt, device } = slot
  return Object.freeze({
    id,
    provider: options.name,
    issuer,
    sub,
    sid,
    startedAt: Math.floor(startedAt),
    lastSeenAt,
    endsAt,
    userAgent: device?.userAgent,
    address: device?.address,
  })
}
