import { randomBytes } from 'node:crypto'
import type { Sealer } from '../core/seal.ts'

/** What a `state` of ours says (OIDC Core 3.1.2.1). */
export interface State {
  /** Names the transaction: 128 random bits. */
  readonly id: string
  /** How often this login was begun anew because its cookie was missing: kept here, since a browser without cookies loses all else. */
  readonly attempt: number
}

export function newTransactionId(): string {
  return randomBytes(16).toString('base64url')
}

/** A `state` that only we can make, for one instance. */
export function writeState(sealer: Sealer, instance: string, state: State): string {
  const text = `${state.id}.${state.attempt}`
  return `${text}.${sealer.mac(`${instance} ${text}`)}`
}

/** Reads a `state`; undefined where we did not make it, or made it for another instance. */
export function readState(sealer: Sealer, instance: string, value: string): State | undefined {
  const match = /^([A-Za-z0-9_-]{22})\.(\d)\.([A-Za-z0-9_-]{22})$/.exec(value)
  if (!match) return undefined
  const [, id, attempt, mac] = match as unknown as [string, string, string, string]
  return sealer.verifies(`${instance} ${id}.${attempt}`, mac) ? { id, attempt: Number(attempt) } : undefined
}
