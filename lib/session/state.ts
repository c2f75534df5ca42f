import { randomBytes } from 'node:crypto'
import type { Seals } from '../core/seals.ts'

/** What a `state` of ours says (OIDC Core 3.1.2.1). */
export interface State {
  /** Names the transaction: 128 random bits. */
  readonly id: string
  /** How often this login was begun anew because its cookie was missing: kept here, since a browser without cookies loses all else. */
  readonly attempt: number
  /**
   * The page, open to all, that a login was begun at which nobody had asked for. Kept here for the same reason: a browser
   * without cookies, too, has to get back to it.
   */
  readonly openPage?: string | undefined
}

export function newTransactionId(): string {
  return randomBytes(16).toString('base64url')
}

/** A `state` that only this instance can make and read. */
export function writeState(seals: StateSeals, { id, attempt, openPage }: State): string {
  // Sealed, because an address may hold what the provider must not see.
  const text = `${id}.${openPage === undefined ? attempt : seals.openPage.seal(openPage, id)}`
  return `${text}.${seals.state.mac(text)}`
}

type StateSeals = Pick<Seals, 'state' | 'openPage'>

/** Reads a `state`; undefined if this instance did not make it. */
export function readState(seals: StateSeals, value: string): State | undefined {
  const match = /^([A-Za-z0-9_-]{22})\.(\d|[A-Za-z0-9_-]{38,2000})\.([A-Za-z0-9_-]{22})$/.exec(value)
  if (!match) return undefined
  const [, id, attempt, mac] = match as unknown as [string, string, string, string]
  if (!seals.state.verifies(`${id}.${attempt}`, mac)) return undefined
  if (attempt.length === 1) return { id, attempt: Number(attempt) }
  const openPage = seals.openPage.open(attempt, id)
  return openPage === undefined ? undefined : { id, attempt: 0, openPage }
}
