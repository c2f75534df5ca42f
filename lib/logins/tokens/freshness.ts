import type { AccessToken } from '../../store/tokens.ts'
import { nowSeconds } from '../../core/clock.ts'
/** Whether an access token is valid for long enough. If its whole lifetime is too short, it is fresh for the first half. */
export function isFresh({ obtainedAt, expiresAt }: AccessToken, minValidSeconds: number): boolean {
  if (expiresAt === undefined) return true
  const left = expiresAt - nowSeconds()
  const life = expiresAt - obtainedAt
  return left > 0 && left >= (life <= minValidSeconds ? life / 2 : minValidSeconds)
}

/** Whether an access token has not expired, as far as is known: `expires_in` is optional (RFC 6749, section 5.1). */
export function isUsable({ expiresAt }: AccessToken): boolean {
  return expiresAt === undefined || expiresAt > nowSeconds()
}
