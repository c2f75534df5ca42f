import type { SessionData } from 'express-session'
import { AsyncStore } from './async-store.ts'

/**
 * A session store like those on a database. Entries expire as their cookie says, and a request without changes extends
 * them. It has no atomic operations.
 */
export class SlowStore extends AsyncStore {
  readonly #ends = new Map<string, number>()

  override get(id: string, done: (error?: unknown, data?: SessionData | null) => void): void {
    if ((this.#ends.get(id) ?? Infinity) <= Date.now()) this.entries.delete(id)
    super.get(id, done)
  }

  override set(id: string, session: SessionData, done: (error?: unknown) => void = () => {}): void {
    super.set(id, session, (error) => {
      if (!error) this.#ends.set(id, getEnd(session))
      done(error)
    })
  }

  override touch(id: string, session: SessionData, done: (error?: unknown) => void = () => {}): void {
    this.run('touch', id, done, () => void this.#ends.set(id, getEnd(session)))
  }
}

function getEnd({ cookie: { expires } }: SessionData): number {
  return expires ? new Date(expires).getTime() : Date.now() + 600_000
}
