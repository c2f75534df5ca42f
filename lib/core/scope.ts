/** Scope that describes the login, not the access token. Providers may omit it from `scope` of the token response. */
export const loginScope: ReadonlySet<string> = new Set(['openid', 'profile', 'email', 'offline_access'])

/**
 * Returns a scope, string or array, as a list without duplicates. Returns undefined if it is empty, of another type, or
 * contains characters that RFC 6749, section 3.3 does not allow.
 */
export function parseScope(value: unknown): string[] | undefined {
  const parts = typeof value === 'string' ? value.split(' ').filter((part) => part !== '') : value
  if (!Array.isArray(parts) || parts.length === 0) return undefined
  if (!parts.every((part): part is string => typeof part === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(part)))
    return undefined
  return [...new Set(parts)]
}

/** Returns the words of a string that is separated by spaces, or of an array of strings. */
export function splitWords(value: string | readonly string[]): string[] {
  return (typeof value === 'string' ? value.split(' ') : [...value]).filter((word) => word !== '')
}
