import type { RecordKey } from '../core/records.ts'
import { nowSeconds } from '../core/clock.ts'
import type { UnknownClaims } from '../config/claims.ts'

/** Format of login records as this version writes them; a higher one is a newer version's and is left alone. */
const format = 1

/** One login: what an instance knows of the user of a session. */
export interface Slot {
  readonly loginId: string
  readonly issuer: string
  readonly sub: string
  /** The provider's session (OIDC Back-Channel Logout 2.1). */
  readonly sid?: string
  readonly user: UnknownClaims
  readonly roles: readonly string[]
  readonly scope: readonly string[]
  /** When the browser set out to log in. */
  readonly startedAt: number
  /** When the provider issued the ID token that the login was made by, by its clock. */
  readonly issuedAt?: number
  /** When the provider last vouched for the login. */
  readonly checkedAt: number
  /** When the login ends whatever the activity. */
  readonly endsAt: number
  /** When the access token ends, where the provider said. */
  readonly accessTokenEndsAt?: number
  readonly acr?: string
  readonly authTime?: number
  /** Where the user was, if the application wants that remembered. */
  readonly device?: Device
  /** Whether there is a refresh token, so that the login can be rechecked. */
  readonly refreshable?: true
  /** What the login asked for: who asks for it again at once would get the same. */
  readonly asked?: Asked
}

/** What a browser says of itself. */
export interface Device {
  readonly userAgent?: string
  readonly address?: string
}

/** What of an authorization request says what a login was to be good for. */
export interface Asked {
  /** When that was answered. */
  readonly at: number
  readonly scope: readonly string[]
  /** `acr_values`, `max_age`, `claims` and `resource`, as they went on the wire; several of `resource` with spaces between them. */
  readonly parameters: Readonly<Record<string, string>>
}

/** The logins of one session, a slot for each instance. Times are seconds since the epoch. */
export interface LoginRecord {
  readonly format: number
  /** Grows with each write: what a writer has read is what it replaces. */
  readonly version: number
  readonly slots: Readonly<Record<string, Slot>>
  /** Where another session has taken the place of this one. */
  readonly replaced?: Moved
}

/** A login record with the text it was read as, which a replacement must name. */
export interface StoredLogin {
  readonly text: string
  readonly record: LoginRecord
}

export function loginKey(session: string): RecordKey {
  return { session, part: 'login' }
}

export function tokensKey(session: string, instance: string): RecordKey {
  return { session, part: `tokens:${instance}` }
}

/** The session that logins went over into, and which did. Others that it has are no business of the former one's. */
export interface Moved {
  readonly session: string
  /** Login ids by instance. */
  readonly logins: Readonly<Record<string, string>>
}

/**
 * What stands in the place of the logins of a session that another has replaced: nobody is logged in, and a logout finds
 * its way. It names the other, so that no two such texts are the same.
 */
export function writeReplaced(session: string, slots: Readonly<Record<string, Slot>>): string {
  const logins = Object.fromEntries(Object.entries(slots).map(([instance, { loginId }]) => [instance, loginId]))
  return JSON.stringify({ format, version: 0, slots: {}, replaced: { session, logins } } satisfies LoginRecord)
}

/** Whether another session has taken the place of the one with this record. */
export function isReplaced(record: LoginRecord | 'newer' | undefined): boolean {
  return record !== 'newer' && record?.replaced !== undefined
}

/** Where the logins of a session went that was replaced by another. */
export function movedOf(record: LoginRecord | 'newer' | undefined): Moved | undefined {
  const moved = record === 'newer' ? undefined : record?.replaced
  return moved && Object.keys(moved.logins).length > 0 ? moved : undefined
}

export function writeRecord(slots: Readonly<Record<string, Slot>>, version: number): string {
  return JSON.stringify({ format, version, slots } satisfies LoginRecord)
}

/** Reads a login record; `newer` where a newer version wrote it, undefined where it is none. */
export function readRecord(text: string): LoginRecord | 'newer' | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const record = value as Partial<LoginRecord> | null
  if (record === null || typeof record !== 'object' || typeof record.format !== 'number') return undefined
  if (record.format > format) return 'newer'
  if (typeof record.version !== 'number' || record.slots === null || typeof record.slots !== 'object') return undefined
  const found = record.slots ?? {}
  const slots = Object.values(found).every(isSlot)
    ? found
    : Object.fromEntries(Object.entries(found).filter(([, slot]) => isSlot(slot)))
  const replaced = isMoved(record.replaced) ? { replaced: record.replaced } : {}
  return { format: record.format, version: record.version, slots, ...replaced }
}

function isMoved(value: unknown): value is Moved {
  const moved = value as Partial<Moved> | null | undefined
  return typeof moved?.session === 'string' && typeof moved.logins === 'object' && moved.logins !== null
}

/** Whether a slot has what judging it takes: one that has not is nobody's login. */
function isSlot(value: unknown): value is Slot {
  const slot = value as Partial<Slot> | null
  return (
    slot !== null &&
    typeof slot === 'object' &&
    typeof slot.loginId === 'string' &&
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

/** The slot of an instance, while its login lasts. */
export function liveSlot(record: LoginRecord | undefined, instance: string): Slot | undefined {
  if (!record || !Object.hasOwn(record.slots, instance)) return undefined
  const slot = record.slots[instance] as Slot
  return slot.endsAt > nowSeconds() ? slot : undefined
}

/** All slots whose login lasts. */
export function liveSlots(record: LoginRecord | undefined): Record<string, Slot> {
  const now = nowSeconds()
  return Object.fromEntries(Object.entries(record?.slots ?? {}).filter(([, slot]) => slot.endsAt > now))
}

/** Whether all logins of a session that had some have ended; what a newer version wrote is not ours to judge. */
export function isOver(record: LoginRecord | 'newer' | undefined): boolean {
  if (record === 'newer') return false
  const now = nowSeconds()
  return !Object.values(record?.slots ?? {}).some((slot) => slot.endsAt > now)
}

/** Seconds until the last of these logins ends, at least 1. */
export function secondsLeft(slots: Readonly<Record<string, Slot>>): number {
  return Math.max(1, Math.max(...Object.values(slots).map((slot) => slot.endsAt)) - nowSeconds())
}
