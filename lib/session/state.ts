import { randomBytes } from 'node:crypto'
import type { Seals } from '../core/seals.ts'

/** Contents of the parameter `state` (OIDC Core, section 3.1.2.1). */
export interface State {
  /** Id of the transaction: 128 random bits. */
  readonly id: string
  /**
   * Number of restarts of this login, because its cookie was missing or a logout ended it before it finished. `state` holds
   * it, because it must survive a browser that returns no cookies.
   */
  readonly attempt: number
  /**
   * Public page that a silent login returns to; undefined for a login that the user requested. `state` holds it, because a
   * browser that returns no cookies must get back to the page as well.
   */
  readonly openPage?: string | undefined
}

export function createTransactionId(): string {
  return randomBytes(16).toString('base64url')
}

/** Writes a `state` with a MAC, so that only this instance can create one. */
export function writeState(seals: StateSeals, { id, attempt, openPage }: State): string {
  // The page is sealed, because its URL may contain data that the provider must not see.
  const text = `${id}.${openPage === undefined ? attempt : seals.openPage.seal(openPage, id)}`
  return `${text}.${seals.state.mac(text)}`
}

type StateSeals = Pick<Seals, 'state' | 'openPage'>

/** Reads a `state`; undefined if this instance did not create it. */
export function readState(seals: StateSeals, value: string): State | undefined {
  const match = /^([A-Za-z0-9_-]{22})\.(\d|[A-Za-z0-9_-]{38,2000})\.([A-Za-z0-9_-]{22})$/.exec(value)
  if (!match) return undefined
  const [, id, attempt, mac] = match as unknown as [string, string, string, string]
  if (!seals.state.verifies(`${id}.${attempt}`, mac)) return undefined
  if (attempt.length === 1) return { id, attempt: Number(attempt) }
  const openPage = seals.openPage.open(attempt, id)
  return openPage === undefined ? undefined : { id, attempt: 0, openPage }
}
