import {
  resolveEndParameters,
  resolveListParameters,
  type OidcEndParameters,
  type OidcListParameters,
} from '../config/logins-parameters.ts'
import type { OidcSessionStore } from '../config/session-store.ts'
import { resolveLoginTokenParameters, type OidcLoginTokenParameters } from '../config/token-parameters.ts'
import { runWithLogin } from '../logins/tokens/by-id.ts'
import { endByApplication } from '../logins/logout/end-logins.ts'
import type { Instance } from '../logins/instance.ts'
import type { LoginPlace } from '../logins/tokens/stored-tokens.ts'
import { listLogins, type ListedLogin } from '../logins/logout/list-logins.ts'
import { findFreshToken } from '../logins/tokens/refresh.ts'
import type { AccessToken } from '../store/tokens.ts'
import { reportError } from './response/report-error.ts'
import { setupInvalid } from '../core/errors.ts'

/** A user's login, for a list of devices. Times are in seconds since the epoch. */
export interface OidcLogin {
  /** The login's id, as in `req.oidc.loginId` and the events. Do not publish it: `end()` and `accessToken()` accept it. */
  readonly id: string
  /** The instance's name (option `name`). */
  readonly provider: string
  /** The issuer of the login's ID token. */
  readonly issuer: string
  /** The user's subject identifier, unique within the issuer. */
  readonly sub: string
  /** The id of the session at the provider (`sid`); undefined if the ID token did not contain it. */
  readonly sid: string | undefined
  /** When the browser was redirected to the provider. */
  readonly startedAt: number
  /** When the login's session was last used, accurate to a minute; undefined if the session store cannot tell. */
  readonly lastSeenAt: number | undefined
  /** When the login expires, even if it is in use (option `maxLoginSeconds`). */
  readonly endsAt: number
  /** The browser's `User-Agent` header, at most 256 characters, if the option `storeDevice` is set. */
  readonly userAgent: string | undefined
  /** The client's address (`req.ip`) at the login, if the option `storeDevice` is set. */
  readonly address: string | undefined
}

/** Access to an instance's logins without a request. Requires the option `sessionStore`. */
export interface OidcLogins {
  /**
   * Returns a user's logins whose sessions still exist, the most recent first. Listing them does not extend the sessions.
   *
   * @throws OidcError `store_unavailable` (503); `setup_invalid` (500) if the option `sessionStore` is missing;
   * `options_invalid` if a parameter is invalid.
   * @example
   * const devices = await oidc.logins.list({ sub: oidc.user(req).sub })
   */
  list(parameters: OidcListParameters): Promise<OidcLogin[]>
  /**
   * Ends logins in every session, and logins in progress: after a password change, for a blocked account, or to log out
   * another device. Returns the number of ended logins. Their tokens are revoked in the background. The user stays logged in
   * at the provider, unless the provider ends a session when its last token is revoked. After a failure, repeat the call to
   * end the remaining logins.
   *
   * @throws OidcError as {@link list}.
   * @example
   * const count = await oidc.logins.end({ sub: 'alice' })
   */
  end(parameters: OidcEndParameters): Promise<number>
  /**
   * Returns the access token of a login, for background jobs. It works like `req.oidc.accessToken()`, with which it shares
   * the refresh. The login's session must still exist, and is not extended.
   *
   * @throws OidcError `login_required` (401) if there is no such login, or if it or its session has ended; `setup_invalid`
   * (500) if the option `sessionStore` is missing; `options_invalid` if a parameter is invalid; otherwise as
   * `req.oidc.accessToken()`.
   * @example
   * const token = await oidc.logins.accessToken({ id, scope: 'orders:read' })
   */
  accessToken(parameters: OidcLoginTokenParameters): Promise<string>
}

export function makeLogins(instance: Instance): OidcLogins {
  const withReportedErrors = async <Result>(work: (store: OidcSessionStore) => Promise<Result>): Promise<Result> => {
    const { sessionStore } = instance.options
    if (!sessionStore) {
      throw reportError(
        instance,
        setupInvalid('`oidc.logins` has no session store; pass `sessionStore`, the store that `session()` has'),
      )
    }
    try {
      return await work(sessionStore)
    } catch (error) {
      throw reportError(instance, error)
    }
  }
  return Object.freeze<OidcLogins>({
    async list(parameters) {
      const filter = resolveListParameters(parameters)
      const listed = await withReportedErrors((store) => listLogins(instance, store, filter))
      return listed.map((login) => makeLogin(instance, login))
    },
    async end(parameters) {
      const filter = resolveEndParameters(parameters)
      return withReportedErrors((store) => endByApplication(instance, store, filter))
    },
    async accessToken(parameters) {
      const { id, ...request } = resolveLoginTokenParameters(parameters)
      const work = (place: LoginPlace): Promise<AccessToken> => findFreshToken(instance, place, request)
      return withReportedErrors(async (store) => (await runWithLogin(instance, store, id, work)).accessToken)
    },
  })
}

function makeLogin({ options }: Instance, { entry, lastSeenAt }: ListedLogin): OidcLogin {
  const { loginId: id, issuer, sub, sid, startedAt, endsAt, device } = entry
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
