/** The headers by which a browser describes the initiator of a request, and the rules for redirects. */

/** The URL of the page that started a request; undefined if the user typed the address. */
export type Initiator = URL | undefined

export type FindSite = (url: URL) => string

/** A request with the redirects that led to it. */
export interface Journey {
  readonly mode: 'navigate' | 'cors'
  readonly method: string
  readonly initiator: Initiator
  /** The Referrer-Policy of the page that started it. */
  readonly referrerPolicy: string
  /** The URLs requested so far; the last is that of this request. */
  readonly urls: readonly URL[]
  /** Whether an action of the user, rather than the page itself, started it. */
  readonly byUser: boolean
}

/** Scheme and host, because ports of one host are the same site. */
export function findSite(url: URL): string {
  return `${url.protocol}//${url.hostname}`
}

/** `Sec-Fetch-Site`: the most distant relation among all redirects counts (Fetch Metadata, section 2.3). */
export function fetchSite(
  { initiator, urls }: Journey,
  site: FindSite,
): 'none' | 'same-origin' | 'same-site' | 'cross-site' {
  if (initiator === undefined) return 'none'
  if (urls.some((url) => site(url) !== site(initiator))) return 'cross-site'
  return urls.every((url) => url.origin === initiator.origin) ? 'same-origin' : 'same-site'
}

/** `null` after a redirect through another origin, or by the page's policy (Fetch, "append a request Origin header"). */
export function originHeader({ mode, method, initiator, urls, referrerPolicy }: Journey): string | undefined {
  if (initiator === undefined) return undefined
  const url = urls.at(-1) as URL
  const sameOrigin = url.origin === initiator.origin
  if (method === 'GET' || method === 'HEAD') {
    if (mode === 'navigate' || sameOrigin) return undefined
  } else if (mode === 'navigate') {
    if (referrerPolicy === 'no-referrer' || (referrerPolicy === 'same-origin' && !sameOrigin)) return 'null'
  }
  // A redirect from a foreign origin to another origin taints the request.
  const tainted = urls.slice(1).some((next, index) => {
    const before = urls[index] as URL
    return before.origin !== next.origin && before.origin !== initiator.origin
  })
  return tainted ? 'null' : initiator.origin
}

/** Referrer Policy, section 8.3. */
export function refererHeader({ initiator, urls, referrerPolicy }: Journey): string | undefined {
  if (initiator === undefined) return undefined
  const url = urls.at(-1) as URL
  const sameOrigin = url.origin === initiator.origin
  const downgrade = initiator.protocol === 'https:' && url.protocol === 'http:'
  const whole = initiator.origin + initiator.pathname + initiator.search
  const origin = `${initiator.origin}/`
  switch (referrerPolicy) {
    case 'no-referrer':
      return undefined
    case 'same-origin':
      return sameOrigin ? whole : undefined
    case 'origin':
      return origin
    case 'strict-origin':
      return downgrade ? undefined : origin
    case 'origin-when-cross-origin':
      return sameOrigin ? whole : origin
    case 'no-referrer-when-downgrade':
      return downgrade ? undefined : whole
    case 'unsafe-url':
      return whole
    default:
      if (sameOrigin) return whole
      return downgrade ? undefined : origin
  }
}

/** The headers that a browser sends with one request. */
export function browserHeaders(journey: Journey, site: FindSite): Record<string, string> {
  const navigates = journey.mode === 'navigate'
  const headers: Record<string, string> = {
    'user-agent': 'Mozilla/5.0 (express-session-oidc test user agent)',
    'accept-language': 'en',
    accept: navigates ? 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' : '*/*',
    'sec-fetch-site': fetchSite(journey, site),
    'sec-fetch-mode': journey.mode,
    'sec-fetch-dest': navigates ? 'document' : 'empty',
  }
  if (navigates) headers['upgrade-insecure-requests'] = '1'
  if (navigates && journey.byUser) headers['sec-fetch-user'] = '?1'
  const origin = originHeader(journey)
  if (origin !== undefined) headers.origin = origin
  const referer = refererHeader(journey)
  if (referer !== undefined) headers.referer = referer
  return headers
}

/** The method after a redirect, and whether the body is kept (Fetch, "HTTP-redirect fetch"). */
export function methodAfter(status: number, method: string): { method: string; keepsBody: boolean } {
  const becomesGet =
    (status === 303 && method !== 'GET' && method !== 'HEAD') ||
    ((status === 301 || status === 302) && method === 'POST')
  return becomesGet ? { method: 'GET', keepsBody: false } : { method, keepsBody: true }
}
