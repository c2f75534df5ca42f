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

/** Whether a value is an `https:` URL, or an `http:` one that is on loopback or expressly permitted. */
export function isSecureUrl(value: unknown, allowInsecure: boolean): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const { protocol, hostname } = new URL(value)
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
  let url: URL
  try {
    url = new URL(input, origin)
  } catch {
    return undefined
  }
  if (url.origin !== new URL(origin).origin || url.username || url.password) return undefined
  const result = url.pathname + url.search + url.hash
  // Dot segments may have left two slashes in front, and percent-encoding may have made it longer.
  return /^\/(?:\/|%2f)/i.test(result) || result.length > longest ? undefined : result
}

/** The path, query and fragment of a `Referer` header that names a page of `origin`, else undefined. */
export function localReferer(referer: unknown, origin: string): string | undefined {
  if (typeof referer !== 'string' || !URL.canParse(referer)) return undefined
  const url = new URL(referer)
  return url.origin === new URL(origin).origin ? localPath(url.pathname + url.search, origin) : undefined
}

/** Escapes text for HTML, element content and quoted attributes alike. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
