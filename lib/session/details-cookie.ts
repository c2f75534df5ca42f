import type { Sealer } from '../core/seal.ts'
import { type Cookie, type CookiePlace, makeCookie } from './login-cookies.ts'

/** The parts of a login in progress that do not fit into its `state`. */
export interface LoginDetails {
  readonly page?: string | undefined
  readonly scope?: readonly string[] | undefined
  /** The parameters of the authorization request that the callback checks. */
  readonly checked?: Readonly<Record<string, string>> | undefined
  /** All other parameters. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
}

/** Lifetime in seconds, as that of the login's own cookie. */
const detailsSeconds = 3600
/** Maximum size of name and value. Browsers ignore cookies above 4096 bytes (RFC 6265bis, section 5.6). */
const largest = 4000

/**
 * Creates the cookie with the details of a login. A browser has one such cookie for each instance, because twenty large ones
 * would exceed what servers accept in a header. If all details are too large, the page is left out, then the parameters
 * that nothing checks. Browsers ignore the cookie if the rest is too large, and the login cannot be finished.
 */
export function makeDetailsCookie(sealer: Sealer, place: CookiePlace, id: string, details: LoginDetails): Cookie {
  const name = formatDetailsName(place)
  const versions = [details, { ...details, page: undefined }, { scope: details.scope, checked: details.checked }]
  const cookies = versions.map((version) =>
    makeCookie(place, name, sealer.seal(JSON.stringify(version), id), detailsSeconds),
  )
  const fits = ({ value }: Cookie): boolean => name.length + (value as string).length <= largest
  return cookies.find(fits) ?? (cookies.at(-1) as Cookie)
}

/** Returns the cookie that removes the details of a login. */
export function clearDetails(place: CookiePlace): Cookie {
  return makeCookie(place, formatDetailsName(place), undefined, 0)
}

/** Opens the details of a login; undefined if the browser has none, or those of a login that began later. */
export function openDetails(
  sealer: Sealer,
  place: CookiePlace,
  cookies: ReadonlyMap<string, string>,
  id: string,
): LoginDetails | undefined {
  const sealed = cookies.get(formatDetailsName(place))
  const text = sealed === undefined ? undefined : sealer.open(sealed, id)
  return text === undefined ? undefined : (JSON.parse(text) as LoginDetails)
}

function formatDetailsName({ prefix }: CookiePlace): string {
  return `${prefix}details`
}
