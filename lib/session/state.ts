import { randomBytes } from 'node:crypto'
import type { Sealer } from '../core/seal.ts'

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

/** A `state` that only we can make, for one instance. */
export function writeState(sealer: Sealer, instance: string, { id, attempt, openPage }: State): string {
  // Sealed, since addresses may have what is no business of the provider's.
  const text = `${id}.${openPage === undefined ? attempt : sealer.seal(openPage, context(instance, id))}`
  return `${text}.${sealer.mac(`${instance} ${text}`)}`
}

/** Reads a `state`; undefined where we did not make it, or made it for another instance. */
export function readState(sealer: Sealer, instance: string, value: string): State | undefined {
  const match = /^([A-Za-z0-9_-]{22})\.(\d|[A-Za-z0-9_-]{38,2000})\.([A-Za-z0-9_-]{22})$/.exec(value)
  if (!match) return undefined
  const [, id, attempt, mac] = match as unknown as [string, string, string, string]
  if (!sealer.verifies(`${instance} ${id}.${attempt}`, mac)) return undefined
  if (attempt.length === 1) return { id, attempt: Number(attempt) }
  const openPage = sealer.open(attempt, context(instance, id))
  return openPage === undefined ? undefined : { id, attempt: 0, openPage }
}

function context(instance: string, id: string): string {
  return `${instance} ${id}`
}
