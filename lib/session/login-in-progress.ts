import { randomBytes } from 'node:crypto'
import type { OidcLoginNeeds } from '../core/errors.ts'
import { transactionSeconds } from '../core/limits.ts'
import type { Seals } from '../core/seals.ts'
import { clearDetails, openDetails } from './details-cookie.ts'
import type { Cookie, CookiePlace } from './login-cookies.ts'
import { deriveLoginSecrets, type LoginSecrets } from './login-secrets.ts'
import { clearProgressCookie, findProgressCookie } from './progress-cookie.ts'
import type { OpenedState } from './state.ts'

/** What a login has requested, and when. */
export interface StartedLogin extends OidcLoginNeeds {
  /** Seconds since the epoch, with milliseconds. */
  readonly startedAt: number
}

/** A login in progress, from the authorization request to its response. Only `state` and the browser's cookies hold it. */
export interface LoginInProgress extends StartedLogin, LoginSecrets {
  readonly id: string
  readonly returnTo: string
  /** Short hash of the secret in its cookie. */
  readonly cookie: string
  /** Short hash of the browser's mark when the login began. */
  readonly mark: string | undefined
  /** Short hashes of the ids of sessions that belong to its browser. */
  readonly from: readonly string[]
  /** Whether the browser has the login's details in a cookie of their own. */
  readonly hasDetails: boolean
  /** Whether the page was too long to keep: the browser has no details, or those of a later login. */
  readonly isPageLost: boolean
}

/** What the browser shows of the login that a `state` names. */
export interface ShownLogin {
  readonly login: LoginInProgress
  /** Whether the login began so long ago that it is no longer in progress. */
  readonly isTooOld: boolean
}

/** What opening a login requires of an instance. */
export interface LoginKeys {
  readonly seals: Pick<Seals, 'loginSecrets' | 'details'>
  readonly cookiePlace: CookiePlace
  readonly options: {
    readonly scope: readonly string[]
    readonly resource: readonly string[]
    readonly dpop: boolean
    readonly basePath: string
  }
}

export function createLoginId(): string {
  return randomBytes(16).toString('base64url')
}

/** Returns `max_age` of the authorization request, in seconds. */
export function readMaxAge({ parameters }: OidcLoginNeeds): number | undefined {
  const value = parameters['max_age']
  return value === undefined ? undefined : Number(value)
}

/**
 * Opens the login that a `state` names. Undefined if the browser does not have its cookie, or if it has lost the details of
 * a login that cannot do without: what the callback must check is unknown then.
 */
export function openLogin(
  { seals, cookiePlace, options }: LoginKeys,
  cookies: ReadonlyMap<string, string>,
  state: OpenedState,
): ShownLogin | undefined {
  const cookie = findProgressCookie(cookiePlace, cookies, state)
  if (!cookie) return undefined
  const details = openDetails(seals.details, cookiePlace, cookies, state.id)
  if (state.needsDetails && !details) return undefined
  const { id, startedAt, secret, mark } = state
  const login: LoginInProgress = {
    ...deriveLoginSecrets(seals, { id, secret, hasDpop: options.dpop }, cookie),
    id,
    startedAt,
    scope: details?.scope ?? state.scope ?? options.scope,
    parameters: { ...listOwnParameters(options), ...details?.parameters, ...details?.checked, ...state.checked },
    returnTo: details?.page ?? (state.page || options.basePath || '/'),
    cookie: state.cookie,
    mark,
    from: cookie.from,
    hasDetails: details !== undefined,
    isPageLost: state.isPageShort && details?.page === undefined,
  }
  return { login, isTooOld: isTooOld(startedAt) }
}

/** Returns the cookies that remove a login which is no longer in progress. */
export function clearLogin(place: CookiePlace, id: string, login?: LoginInProgress): Cookie[] {
  return [clearProgressCookie(place, id), ...(login?.hasDetails ? [clearDetails(place)] : [])]
}

/** Returns the parameters that every login of the instance has. */
function listOwnParameters({ resource }: LoginKeys['options']): Readonly<Record<string, string>> {
  return resource.length > 0 ? { resource: resource.join(' ') } : {}
}

/** Whether a login is no longer in progress. `abs`: one from a process whose clock was ahead must not last longer. */
export function isTooOld(startedAt: number): boolean {
  return Math.abs(Date.now() / 1000 - startedAt) >= transactionSeconds
}
