import { isJsonObject } from '../core/json.ts'
import type { OidcUnknownClaims } from '../config/claims.ts'
import { nowSeconds } from '../core/clock.ts'
import type { OidcLoginNeeds } from '../core/errors.ts'

/** One login: what an instance stores about the user of a session. Times are seconds since the epoch. */
export interface LoginEntry {
  readonly loginId: string
  /** The instance that the login belongs to, see `deriveOwner`. Another instance with the same name has another owner. */
  readonly owner: string
  readonly issuer: string
  readonly sub: string
  /** The session at the provider (OIDC Back-Channel Logout, section 2.1). */
  readonly sid?: string
  readonly user: OidcUnknownClaims
  readonly roles: readonly string[]
  readonly scope: readonly string[]
  /** When the browser was redirected to the provider. */
  readonly startedAt: number
  /** When the provider issued the ID token of the login, by the provider's clock. */
  readonly issuedAt: number
  /** When the provider last confirmed the login. */
  readonly checkedAt: number
  /** When the login ends, regardless of activity. */
  readonly endsAt: number
  /** When the access token expires, if the provider stated it. */
  readonly accessTokenEndsAt?: number
  readonly acr?: string
  readonly authTime?: number
  /** The browser that logged in, if the application stores it. */
  readonly device?: Device
  /** Whether there is a refresh token, so that the login can be rechecked. */
  readonly refreshable?: true
  /** The request of the login, because the same request again would have the same result. */
  readonly requested: RequestedLogin
}

/** A browser, as it describes itself. */
export interface Device {
  readonly userAgent?: string
  readonly address?: string
}

/** The parts of an authorization request that a later step-up is compared with. */
export interface RequestedLogin extends OidcLoginNeeds {
  /** When the provider answered it. */
  readonly at: number
}

/** The logins of a session, keyed by the name of the instance. */
export type LoginEntries = Readonly<Record<string, LoginEntry>>

/** Whether a value has everything that a guard evaluates. An entry that lacks any of it logs nobody in. */
export function isLoginEntry(value: unknown): value is LoginEntry {
  const entry = value as Partial<LoginEntry> | null
  return (
    entry !== null &&
    typeof entry === 'object' &&
    typeof entry.loginId === 'string' &&
    typeof entry.owner === 'string' &&
    typeof entry.issuer === 'string' &&
    typeof entry.sub === 'string' &&
    typeof entry.startedAt === 'number' &&
    typeof entry.issuedAt === 'number' &&
    typeof entry.checkedAt === 'number' &&
    typeof entry.endsAt === 'number' &&
    Array.isArray(entry.roles) &&
    Array.isArray(entry.scope) &&
    isJsonObject(entry.user) &&
    isJsonObject(entry.requested)
  )
}

/** Returns the entries of all other instances. */
export function removeEntry(entries: LoginEntries, instance: string): LoginEntries {
  return Object.fromEntries(Object.entries(entries).filter(([name]) => name !== instance))
}

/** Returns the seconds until the last of these logins ends, at least 1. */
export function computeSecondsLeft(entries: LoginEntries): number {
  return Math.max(1, Math.max(...Object.values(entries).map((entry) => entry.endsAt)) - nowSeconds())
}
