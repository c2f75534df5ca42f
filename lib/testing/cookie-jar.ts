/** A cookie as a browser keeps it (RFC 6265bis). */
export interface Cookie {
  readonly name: string
  readonly value: string
  /** The host, or the domain where `hostOnly` is false. */
  readonly domain: string
  readonly hostOnly: boolean
  readonly path: string
  readonly secure: boolean
  readonly httpOnly: boolean
  /** As sent; undefined where the cookie had none, which browsers take for `Lax`. */
  readonly sameSite: 'Strict' | 'Lax' | 'None' | undefined
  /** In milliseconds since 1970; undefined: until the browser is closed. */
  readonly expiresAt: number | undefined
  /** The order in which cookies were first made. */
  readonly created: number
}

/** What is asked of a jar for one request. */
export interface CookieContext {
  /** The request was begun by a page of another site. Default false. */
  readonly crossSite?: boolean | undefined
  /** A navigation by GET or HEAD, with which `Lax` cookies go even from another site. Default false. */
  readonly safeNavigation?: boolean | undefined
}

const largestCookie = 4096
const mostPerHost = 180

function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]' || hostname.startsWith('127.')
  )
}

/** Browsers take `Secure` cookies over plain http from loopback, which no one else can listen to. */
function isTrustworthy(url: URL): boolean {
  return url.protocol === 'https:' || isLoopback(url.hostname)
}

/** RFC 6265 section 5.1.4. */
function defaultPath(url: URL): string {
  return url.pathname.slice(0, url.pathname.lastIndexOf('/')) || '/'
}

function pathMatches(path: string, prefix: string): boolean {
  return path === prefix || (path.startsWith(prefix) && (prefix.endsWith('/') || path[prefix.length] === '/'))
}

function isAddress(hostname: string): boolean {
  return /^[\d.]+$|^\[/.test(hostname)
}

/** RFC 6265 section 5.1.3. */
function isWithin(hostname: string, domain: string): boolean {
  return hostname === domain || (hostname.endsWith(`.${domain}`) && !isAddress(hostname))
}

function isFor(hostname: string, { domain, hostOnly }: Cookie): boolean {
  return hostOnly ? hostname === domain : isWithin(hostname, domain)
}

function sameSiteOf(text: string | undefined): Cookie['sameSite'] {
  return (['Strict', 'Lax', 'None'] as const).find((value) => value.toLowerCase() === text?.toLowerCase())
}

/** RFC 6265bis section 5.6 and 5.7: the cookie in a Set-Cookie line, or undefined where a browser refuses it. */
export function parseSetCookie(line: string, url: URL, now: number, created = 0): Cookie | undefined {
  const [pair = '', ...rest] = line.split(';')
  const equals = pair.indexOf('=')
  const name = pair.slice(0, Math.max(equals, 0)).trim()
  const value = pair.slice(equals + 1).trim()
  // oxlint-disable-next-line no-control-regex
  if (name.length + value.length > largestCookie || name + value === '' || /[\0-\x08\x0a-\x1f\x7f]/.test(line))
    return undefined
  const attributes = new Map(
    rest.map((part): [string, string] => {
      const at = part.indexOf('=')
      return at < 0
        ? [part.trim().toLowerCase(), '']
        : [part.slice(0, at).trim().toLowerCase(), part.slice(at + 1).trim()]
    }),
  )

  const maxAge = attributes.get('max-age')
  const expires = Date.parse(attributes.get('expires') ?? '')
  let expiresAt = Number.isNaN(expires) ? undefined : expires
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) expiresAt = now + Number(maxAge) * 1000

  const domain = (attributes.get('domain') ?? '').replace(/^\./, '').toLowerCase()
  const { hostname } = url
  // An address has no subdomains, and nobody may set cookies for all of a domain of one label.
  const hostOnly = domain === '' || (domain === hostname && (isAddress(domain) || !domain.includes('.')))
  if (!hostOnly && (!domain.includes('.') || !isWithin(hostname, domain))) return undefined
  const given = attributes.get('path')
  const path = given?.startsWith('/') ? given : defaultPath(url)
  const secure = attributes.has('secure')
  const cookie: Cookie = {
    name,
    value,
    domain: hostOnly ? hostname : domain,
    hostOnly,
    path,
    secure,
    httpOnly: attributes.has('httponly'),
    sameSite: sameSiteOf(attributes.get('samesite')),
    expiresAt,
    created,
  }
  if (secure && !isTrustworthy(url)) return undefined
  if (cookie.sameSite === 'None' && !secure) return undefined
  const prefixed = name.toLowerCase()
  if (prefixed.startsWith('__secure-') && !secure) return undefined
  if (prefixed.startsWith('__host-') && !(secure && domain === '' && given === '/')) return undefined
  return cookie
}

/** A browser's cookies. As in browsers, the port makes no difference. */
export class CookieJar {
  readonly #now: () => number
  #cookies: Cookie[] = []
  #made = 0

  /** The clock is in milliseconds since 1970. Default `Date.now`. */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** Takes a Set-Cookie line as if `url` had sent it. Returns the cookie, or undefined where a browser refuses it. */
  set(line: string, url: string | URL): Cookie | undefined {
    const cookie = parseSetCookie(line, new URL(url), this.#now(), ++this.#made)
    if (cookie === undefined) return undefined
    const same = (other: Cookie): boolean =>
      other.name === cookie.name &&
      other.domain === cookie.domain &&
      other.hostOnly === cookie.hostOnly &&
      other.path === cookie.path
    const before = this.#cookies.find(same)
    this.#cookies = this.#cookies.filter((other) => !same(other))
    if (cookie.expiresAt !== undefined && cookie.expiresAt <= this.#now()) return cookie
    this.#cookies.push(before === undefined ? cookie : { ...cookie, created: before.created })
    const ofHost = this.#cookies.filter((other) => other.domain === cookie.domain)
    if (ofHost.length > mostPerHost) this.#remove((other) => other === ofHost[0])
    return cookie
  }

  /** All cookies that are alive, or those that would be sent to a URL, in the order in which they would be. */
  cookies(url?: string | URL, context: CookieContext = {}): readonly Cookie[] {
    this.#remove(({ expiresAt }) => expiresAt !== undefined && expiresAt <= this.#now())
    if (url === undefined) return [...this.#cookies]
    const to = new URL(url)
    return this.#cookies
      .filter((cookie) => isFor(to.hostname, cookie) && pathMatches(to.pathname, cookie.path))
      .filter((cookie) => !cookie.secure || isTrustworthy(to))
      .filter(({ sameSite = 'Lax' }) => {
        if (!context.crossSite || sameSite === 'None') return true
        return sameSite === 'Lax' && context.safeNavigation === true
      })
      .toSorted((one, other) => other.path.length - one.path.length || one.created - other.created)
  }

  /** The Cookie header for a URL; undefined where there is nothing to send. */
  header(url: string | URL, context: CookieContext = {}): string | undefined {
    const cookies = this.cookies(url, context)
    return cookies.length === 0 ? undefined : cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  }

  /** The cookie of this name; of several, the one that would be sent first. */
  get(name: string): Cookie | undefined {
    return this.cookies()
      .toSorted((one, other) => other.path.length - one.path.length)
      .find((cookie) => cookie.name === name)
  }

  /** Removes all cookies of this name. */
  delete(name: string): void {
    this.#remove((cookie) => cookie.name === name)
  }

  /** Removes the cookies that live only until the browser is closed. */
  closeBrowser(): void {
    this.#remove((cookie) => cookie.expiresAt === undefined)
  }

  clear(): void {
    this.#cookies = []
  }

  #remove(which: (cookie: Cookie) => boolean): void {
    this.#cookies = this.#cookies.filter((cookie) => !which(cookie))
  }
}
