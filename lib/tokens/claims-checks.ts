import { nowSeconds } from '../core/clock.ts'

/** Maximum length of a subject (OIDC Core, section 2). */
const longestSubject = 255

/** Whether a claim is a valid subject identifier. */
export function isSubject(value: unknown): value is string {
  return isText(value, longestSubject)
}

/** Whether a claim is a non-empty string of at most `longest` characters. */
export function isText(value: unknown, longest: number): value is string {
  return typeof value === 'string' && value !== '' && value.length <= longest
}

/** Whether a claim is a time that is not in the future. `JSON.parse` turns -1e999 into -Infinity, which cannot be stored. */
export function isPastTime(value: unknown, clockToleranceSeconds: number): value is number {
  return Number.isFinite(value) && (value as number) <= nowSeconds() + clockToleranceSeconds
}
