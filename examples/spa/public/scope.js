/** What every login asks for. */
export const basicScope = 'openid profile email'

/**
 * What there is already, and what is wanted beside it, each once.
 *
 * @param {...(string | undefined)} scopes
 */
export function scopeOf(...scopes) {
  return [...new Set([basicScope, ...scopes].flatMap((scope) => scope?.split(' ') ?? []))].filter(Boolean).join(' ')
}
