const longest = 2048

/** Whether a host name is one of this machine alone (RFC 8252 section 7.3, RFC 6761 section 6.3). */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname)
  )
}

/** A text as URL, undefined where it is none. In Node 20 `URL.canParse` takes texts for URLs that `new URL` throws at. */
export function parsedUrl(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base)
  } catch {
    return undefined
  }
}

/** Whether a value is an `https:` URL, or an `http:` one that is on loopback or expressly permitted. */
export function isSecureUrl(value: unknown, allowInsecure: boolean): boolean {
  const url = typeof value === 'string' ? parsedUrl(value) : undefined
  if (!url) return false
  const { protocol, hostname } = url
  return protocol === 'https:' || (protocol === 'http:' && (allowInsecure || isLoopback(hostname)))
}

/**
 * The path, query and fragment of `input` if it names a place on `origin`, else undefined. Only a path that begins
 * with one slash is taken: never a URL, so that a parser that reads it differently from ours has nothing to disagree
 * about. A backslash or a control character in the path is refused, raw and percent-encoded, since proxies, frameworks
 * and browsers decode or drop them at different moments.
 */
export function localPath(input: unknown, origin: string): string | undefined {
  if (typeof input !== 'string' || input.length > longest) return undefined
  if (!input.startsWith('/') || input.startsWith('//')) return undefined
  // Raw control characters, spaces, backslashes and lone surrogates have no place in a URL (RFC 3986 section 2).
  if (/[\p{Cc}\p{Surrogate} \\]/u.test(input)) return undefined
  const path = input.split(/[?#]/, 1)[0] as string
  if (/%(?:[01][0-9a-f]|7f|5c)/i.test(path)) return undefined
  const url = parsedUrl(input, origin)
  if (url?.origin !== new URL(origin).origin) return undefined
  const result = url.pathname + url.search + url.hash
  // Dot segments may have left two slashes in front, and percent-encoding may have made it longer.
  return /^\/(?:\/|%2f)/i.test(result) || result.length > longest ? undefined : result
}

/** The path, query and fragment of a `Referer` header that names a page of `origin`, else undefined. */
export function localReferer(referer: unknown, origin: string): string | undefined {
  const url = typeof referer === 'string' ? parsedUrl(referer) : undefined
  return url?.origin === new URL(origin).origin ? localPath(url.pathname + url.search, origin) : undefined
}
