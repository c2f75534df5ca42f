import type { UnknownClaims } from '../config/claims.ts'
import { nowSeconds } from '../core/clock.ts'

/** One login: what an instance knows of the user of a session. Times are seconds since the epoch. */
export interface Slot {
  readonly loginId: string
  /** The instance whose login it is, see `ownerOf`. Another instance of the same name has another owner. */
  readonly owner: string
  readonly issuer: string
  readonly sub: string
  /** The provider's session (OIDC Back-Channel Logout 2.1). */
  readonly sid?: string
  readonly user: UnknownClaims
  readonly roles: readonly string[]
  readonly scope: readonly string[]
  /** When the browser set out to log in. */
  readonly startedAt: number
  /** When the provider issued the ID token of the login, by the provider's clock. */
  readonly issuedAt?: number
  /** When the provider last confirmed the login. */
  readonly checkedAt: number
  /** When the login ends, however active the user is. */
  readonly endsAt: number
  /** When the access token expires, where the provider said. */
  readonly accessTokenEndsAt?: number
  readonly acr?: string
  readonly authTime?: number
  /** Where the user logged in, if the application wants that remembered. */
  readonly device?: Device
  /** Whether there is a refresh token, so that the login can be rechecked. */
  readonly refreshable?: true
  /** What the login asked for: the same request again would bring the same. */
  readonly asked?: Asked
}

/** What a browser says of itself. */
export interface Device {
  readonly userAgent?: string
  readonly address?: string
}

/** The part of an authorization request that says what a login is needed for. */
export interface Asked {
  /** When it was answered. */
  readonly at: number
  readonly scope: readonly string[]
  /** `acr_values`, `max_age`, `claims` and `resource`, as they were sent; several of `resource` with spaces between them. */
  readonly parameters: Readonly<Record<string, string>>
}

/** The logins of a session by the name of the instance. */
export type Slots = Readonly<Record<string, Slot>>

/** Whether a value has what a guard needs to judge it. What lacks it is nobody's login. */
export function isSlot(value: unknown): value is Slot {
  const slot = value as Partial<Slot> | null
  return (
    slot !== null &&
    typeof slot === 'object' &&
    typeof slot.loginId === 'string' &&
    typeof slot.owner === 'string' &&
    typeof slot.issuer === 'string' &&
    typeof slot.sub === 'string' &&
    typeof slot.startedAt === 'number' &&
    typeof slot.checkedAt === 'number' &&
    typeof slot.endsAt === 'number' &&
    Array.isArray(slot.roles) &&
    Array.isArray(slot.scope) &&
    slot.user !== null &&
    typeof slot.user === 'object'
  )
}

/** The slots of all other instances. */
export function without(slots: Slots, instance: string): Slots {
  return Object.fromEntries(Object.entries(slots).filter(([name]) => name !== instance))
}

/** Seconds until the last of these logins ends, at least 1. */
export function secondsLeft(slots: Slots): number {
  return Math.max(1, Math.max(...Object.values(slots).map((slot) => slot.endsAt)) - nowSeconds())
}
