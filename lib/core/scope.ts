/** Scope that says what a login is rather than what a token is good for: providers leave it out of their answers. */
export const loginScope: ReadonlySet<string> = new Set(['openid', 'profile', 'email', 'offline_access'])

/** A scope, string or array, as a list without repeats; undefined where it is neither or has odd characters (RFC 6749 3.3). */
export function scopeList(value: unknown): string[] | undefined {
  const parts = typeof value === 'string' ? value.split(' ').filter((part) => part !== '') : value
  if (!Array.isArray(parts) || parts.length === 0) return undefined
  if (!parts.every((part): part is string => typeof part === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(part)))
    return undefined
  return [...new Set(parts)]
}

/** A list given as a string with spaces or as an array of strings. */
export function words(value: string | readonly string[]): string[] {
  return (typeof value === 'string' ? value.split(' ') : [...value]).filter((word) => word !== '')
}
