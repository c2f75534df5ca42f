/** The scope that every login requests. */
export const basicScope = 'openid profile email'

/**
 * Combines the basic scope with others, without duplicates.
 *
 * @param {...(string | undefined)} scopes
 */
export function scopeOf(...scopes) {
  return [...new Set([basicScope, ...scopes].flatMap((scope) => scope?.split(' ') ?? []))].filter(Boolean).join(' ')
}
