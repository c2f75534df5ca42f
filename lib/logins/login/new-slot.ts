import { randomBytes } from 'node:crypto'
import type { UnknownClaims } from '../../config/claims.ts'
import { nowSeconds } from '../../core/clock.ts'
import { askedOf } from '../../session/step-up-history.ts'
import type { Slot } from '../../store/slot.ts'
import type { Transaction } from '../../session/transaction.ts'
import type { Identity } from './identity.ts'
import type { Instance } from '../instance.ts'

/** The slot of a login that has just been identified. */
export function slotOf(
  instance: Instance,
  transaction: Transaction,
  identity: Identity,
  codeScope?: readonly string[],
): Slot {
  const { claims, tokens } = identity
  const now = nowSeconds()
  return {
    loginId: randomBytes(16).toString('base64url'),
    owner: instance.owner,
    issuer: claims.iss,
    sub: claims.sub,
    ...(typeof claims['sid'] === 'string' ? { sid: claims['sid'] } : {}),
    ...aboutLogin(instance, claims),
    user: identity.user,
    roles: identity.roles,
    // The provider has said yes to all that was asked for, or there would be no code.
    scope: codeScope ? [...new Set([...tokens.scope, ...transaction.scope])] : tokens.scope,
    startedAt: transaction.startedAt,
    issuedAt: claims.iat,
    checkedAt: now,
    endsAt: now + instance.options.maxLoginSeconds,
    ...(tokens.expiresAt === undefined ? {} : { accessTokenEndsAt: tokens.expiresAt }),
    ...(tokens.refreshToken === undefined ? {} : { refreshable: true }),
    asked: askedOf(transaction),
  }
}

/**
 * What an ID token says of how the user logged in, those of refreshes included. `sid` is not of it: a refresh begins no
 * session at the provider, and the login is found by the one that it was of.
 */
export function aboutLogin(instance: Instance, claims: UnknownClaims): Pick<Slot, 'acr' | 'authTime'> {
  const { acr, auth_time: authTime } = claims
  return {
    ...(typeof acr === 'string' ? { acr } : {}),
    ...(isPast(instance, authTime) ? { authTime } : {}),
  }
}

/** Whether a time is one, and has come. */
export function isPast(instance: Instance, time: unknown): time is number {
  return typeof time === 'number' && time <= nowSeconds() + instance.options.clockToleranceSeconds
}
