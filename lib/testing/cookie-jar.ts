/** A cookie as a browser stores it (RFC 6265bis). */
export interface UserAgentCookie {
  /** The name, with any prefix such as `__Host-`. */
  readonly name: string
  /** The value as sent, without decoding. */
  readonly value: string
  /** The host that set the cookie, or its `Domain` attribute if `hostOnly` is false. */
  readonly domain: string
  /** Whether the cookie is sent to this host only, not to its subdomains. */
  readonly hostOnly: boolean
  /** The `Path` attribute, or the default path of the URL that set the cookie. */
  readonly path: string
  /** Whether the cookie has the `Secure` attribute: it is sent over HTTPS, or to loopback. */
  readonly secure: boolean
  /** Whether the cookie has the `HttpOnly` attribute. */
  readonly httpOnly: boolean
  /** The `SameSite` attribute; undefined if the cookie has none, which browsers treat as `Lax`. */
  readonly sameSite: 'Strict' | 'Lax' | 'None' | undefined
  /** Expiry in seconds since 1970; undefined for a cookie that lasts until the browser is closed. */
  readonly expiresAt: number | undefined
  /** Sequence number in the order in which cookies were first set. */
  readonly created: number
}

/** The properties of a request that decide which `SameSite` cookies it carries. */
export interface UserAgentCookieContext {
  /** Whether a page of another site started the request.
   * @default false
   * @example jar.header('https://app.example.com/', { crossSite: true }) */
  readonly crossSite?: boolean | undefined
  /** Whether the request is a navigation by GET or HEAD. It carries `Lax` cookies even from another site.
   * @default false
   * @example jar.header('https://app.example.com/', { crossSite: true, safeNavigation: true }) */
  readonly safeNavigation?: boolean | undefined
}

const largestCookie = 4096
const mostPerHost = 180

function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]' || hostname.startsWith('127.')
  )
}

/** Browsers accept `Secure` cookies over plain HTTP from loopback, because nobody else can eavesdrop there. */
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

function isFor(hostname: string, { domain, hostOnly }: UserAgentCookie): boolean {
  return hostOnly ? hostname === domain : isWithin(hostname, domain)
}

function readSameSite(text: string | undefined): UserAgentCookie['sameSite'] {
  return (['Strict', 'Lax', 'None'] as const).find((value) => value.toLowerCase() === text?.toLowerCase())
}

/**
 * The cookie in a Set-Cookie line, or undefined if a browser rejects it (RFC 6265bis sections 5.6 and 5.7). `now` is in
 * seconds.
 */
export function parseSetCookie(line: string, url: URL, now: number, created = 0): UserAgentCookie | undefined {
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
  let expiresAt = Number.isNaN(expires) ? undefined : expires / 1000
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) expiresAt = now + Number(maxAge)

  const domain = (attributes.get('domain') ?? '').replace(/^\./, '').toLowerCase()
  const { hostname } = url
  // An IP address has no subdomains, and a cookie must not cover a domain of one label with its subdomains.
  const hostOnly = domain === '' || (domain === hostname && (isAddress(domain) || !domain.includes('.')))
  if (!hostOnly && (!domain.includes('.') || !isWithin(hostname, domain))) return undefined
  const given = attributes.get('path')
  const path = given?.startsWith('/') ? given : defaultPath(url)
  const secure = attributes.has('secure')
  const cookie: UserAgentCookie = {
    name,
    value,
    domain: hostOnly ? hostname : domain,
    hostOnly,
    path,
    secure,
    httpOnly: attributes.has('httponly'),
    sameSite: readSameSite(attributes.get('samesite')),
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

/**
 * The cookies of a browser. As in browsers, the port makes no difference.
 *
 * @example
 * ```ts
 * const jar = new CookieJar()
 * jar.set('theme=dark; Path=/', 'http://127.0.0.1:3000/')
 * jar.header('http://127.0.0.1:3000/profile') // 'theme=dark'
 * ```
 */
export class CookieJar {
  /** The clock, in seconds. */
  readonly #now: () => number
  #cookies: UserAgentCookie[] = []
  #made = 0

  /** @param now The clock, in milliseconds since 1970; by default `Date.now`. */
  constructor(now: () => number = Date.now) {
    this.#now = () => now() / 1000
  }

  /** Stores the cookie of a Set-Cookie line as if `url` had sent it. Returns the cookie, or undefined if a browser rejects
   * it.
   * @throws TypeError if `url` is not an absolute URL
   * @example jar.set('theme=dark; Path=/', 'http://127.0.0.1:3000/') */
  set(line: string, url: string | URL): UserAgentCookie | undefined {
    const cookie = parseSetCookie(line, new URL(url), this.#now(), ++this.#made)
    if (cookie === undefined) return undefined
    const same = (other: UserAgentCookie): boolean =>
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

  /** Returns all unexpired cookies. With `url`, returns those that a request to it carries, in the order of the Cookie
   * header.
   * @throws TypeError if `url` is not an absolute URL
   * @example jar.cookies('http://127.0.0.1:3000/profile').map(({ name }) => name) */
  cookies(url?: string | URL, context: UserAgentCookieContext = {}): readonly UserAgentCookie[] {
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

  /** Returns the Cookie header of a request to `url`; undefined if there is nothing to send.
   * @throws TypeError if `url` is not an absolute URL
   * @example jar.header('http://127.0.0.1:3000/profile') // 'theme=dark' */
  header(url: string | URL, context: UserAgentCookieContext = {}): string | undefined {
    const cookies = this.cookies(url, context)
    return cookies.length === 0 ? undefined : cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  }

  /** Returns the cookie of this name; if there are several, the one with the longest path.
   * @example jar.get('theme')?.value // 'dark' */
  get(name: string): UserAgentCookie | undefined {
    return this.cookies()
      .toSorted((one, other) => other.path.length - one.path.length)
      .find((cookie) => cookie.name === name)
  }

  /** Removes all cookies of this name, whatever their domain and path.
   * @example jar.delete('connect.sid') */
  delete(name: string): void {
    this.#remove((cookie) => cookie.name === name)
  }

  /** Removes the cookies without an expiry, as closing a browser does.
   * @example jar.closeBrowser() */
  closeBrowser(): void {
    this.#remove((cookie) => cookie.expiresAt === undefined)
  }

  /** Removes all cookies.
   * @example jar.clear() */
  clear(): void {
    this.#cookies = []
  }

  #remove(which: (cookie: UserAgentCookie) => boolean): void {
    this.#cookies = this.#cookies.filter((cookie) => !which(cookie))
  }
}
