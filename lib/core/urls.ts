const longest = 2048
/**
 * Maximum length of the host with what precedes it. Normalizing a host takes quadratic time (UTS 46), and a host name has
 * at most 253 characters (RFC 1035, section 2.3.4).
 */
const longestHost = 1024

/** Whether a host name is on loopback (RFC 8252, section 7.3; RFC 6761, section 6.3). */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
  )
}

/**
 * Parses a URL; undefined if it is invalid, or absolute with a host that is too long. `URL.canParse` is not used, because
 * in Node 20 it accepts strings that `new URL` rejects.
 */
export function parseUrl(text: string, base?: string): URL | undefined {
  if ((base === undefined || hasHost(text)) && hasLongHost(text)) return undefined
  try {
    return new URL(text, base)
  } catch {
    return undefined
  }
}

/** Whether a reference names a host, rather than being a path on that of its base (RFC 3986, section 4.2). */
function hasHost(text: string): boolean {
  return /^[\0-\x20]*(?:[a-z][a-z0-9+.-]*:|[/\\]{2})/i.test(text.replace(/[\t\n\r]/g, ''))
}

/** Whether the host of an absolute URL is too long. URL parsers ignore line breaks, tabs and the number of slashes. */
function hasLongHost(text: string): boolean {
  const parts = text.replace(/[\t\n\r]/g, '').split(/[/\\?#]+/, 2)
  return parts.some(({ length }) => length > longestHost)
}

/** Whether a value is an `https:` URL, or an `http:` URL that is on loopback or explicitly allowed. */
export function isSecureUrl(value: unknown, allowInsecure: boolean): boolean {
  const url = typeof value === 'string' ? parseUrl(value) : undefined
  if (!url) return false
  const { protocol, hostname } = url
  return protocol === 'https:' || (protocol === 'http:' && (allowInsecure || isLoopback(hostname)))
}

/**
 * Returns the path, query and fragment of `input` if it is a path on `origin`, else undefined. It must begin with exactly
 * one slash. Absolute URLs are rejected, because another parser may find another host in them. A backslash or a control
 * character in the path is rejected, raw and percent-encoded: proxies, frameworks and browsers decode or drop them at
 * different times. A path with a dot segment is rejected too: a browser would open another path than the one that was
 * routed and guarded here.
 */
export function toLocalPath(input: unknown, origin: string): string | undefined {
  if (typeof input !== 'string' || input.length > longest) return undefined
  if (!input.startsWith('/') || input.startsWith('//')) return undefined
  // A valid URL contains no raw control characters, spaces, backslashes or lone surrogates (RFC 3986, section 2).
  if (/[\p{Cc}\p{Surrogate} \\]/u.test(input)) return undefined
  const path = input.split(/[?#]/, 1)[0] as string
  if (/%(?:[01][0-9a-f]|7f|5c)/i.test(path) || hasDotSegment(path)) return undefined
  const url = parseUrl(input, origin)
  if (url?.origin !== new URL(origin).origin) return undefined
  const result = url.pathname + url.search + url.hash
  // Percent-encoding can exceed the limit.
  return /^\/(?:\/|%2f)/i.test(result) || result.length > longest ? undefined : result
}

/** Whether URL parsers resolve a segment of the path: `.`, `..` and their percent-encoded forms (WHATWG URL, 4.2). */
function hasDotSegment(path: string): boolean {
  return path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment))
}

/** Returns the path and query of a `Referer` header that names a page of `origin`, else undefined. */
export function toLocalReferer(referer: unknown, origin: string): string | undefined {
  const url = typeof referer === 'string' ? parseUrl(referer) : undefined
  return url?.origin === new URL(origin).origin ? toLocalPath(url.pathname + url.search, origin) : undefined
}
