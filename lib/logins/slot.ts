import { randomBytes } from 'node:crypto'
import { nowSeconds } from '../core/clock.ts'
import type { Slot } from '../session/login-record.ts'
import type { Transaction } from '../session/transaction.ts'
import type { Identity } from './identity.ts'
import type { Instance } from './instance.ts'

/** The slot of a login that has just been identified. */
export function slotOf(instance: Instance, transaction: Transaction, identity: Identity): Slot {
  const { claims, tokens } = identity
  const now = nowSeconds()
  const { sid, acr, auth_time: authTime } = claims
  return {
    loginId: randomBytes(16).toString('base64url'),
    issuer: claims.iss,
    sub: claims.sub,
    ...(typeof sid === 'string' ? { sid } : {}),
    user: identity.user,
    roles: identity.roles,
    scope: tokens.scope,
    startedAt: transaction.startedAt,
    checkedAt: now,
    endsAt: now + instance.options.maxLoginSeconds,
    ...(tokens.expiresAt === undefined ? {} : { accessTokenEndsAt: tokens.expiresAt }),
    ...(typeof acr === 'string' ? { acr } : {}),
    ...(isPast(instance, authTime) ? { authTime } : {}),
  }
}

/** Whether a time is one, and has come. */
export function isPast(instance: Instance, time: unknown): time is number {
  return typeof time === 'number' && time <= nowSeconds() + instance.options.clockToleranceSeconds
}
