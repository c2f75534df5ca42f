import type { AccessToken } from '../../store/tokens.ts'
import { nowSeconds } from '../../core/clock.ts'
/** Whether an access token lasts long enough; one whose whole life is shorter is good for the first half of it. */
export function isFresh({ obtainedAt, expiresAt }: AccessToken, minValidSeconds: number): boolean {
  if (expiresAt === undefined) return true
  const left = expiresAt - nowSeconds()
  const life = obtainedAt === undefined ? Infinity : expiresAt - obtainedAt
  return left > 0 && left >= (life <= minValidSeconds ? life / 2 : minValidSeconds)
}

/** Whether an access token has not ended. */
export function isUsable({ expiresAt }: AccessToken): boolean {
  return expiresAt === undefined || expiresAt > nowSeconds()
}
