import session, { type SessionData } from 'express-session'

type Callback = (error?: unknown) => void

/**
 * A session store like those over a database: every answer comes later, data is copied on its way in and out, and
 * entries end as their cookie says. It has no atomic operations.
 */
export class SlowStore extends session.Store {
  readonly rows = new Map<string, { readonly text: string; readonly endsAt: number }>()
  /** Names of the calls, in order. */
  readonly calls: string[] = []
  /** What every call fails with, where it is set. */
  fault: Error | undefined

  override get(id: string, callback: (error: unknown, data?: SessionData | null) => void): void {
    this.#later('get', (error) => {
      if (error) return callback(error)
      const row = this.rows.get(id)
      if (row && row.endsAt <= Date.now()) this.rows.delete(id)
      const found = this.rows.get(id)
      callback(null, found ? (JSON.parse(found.text) as SessionData) : null)
    })
  }

  override set(id: string, data: SessionData, callback?: Callback): void {
    const text = JSON.stringify(data)
    const { expires } = data.cookie
    const endsAt = expires ? new Date(expires).getTime() : Date.now() + 600_000
    this.#later('set', (error) => {
      if (!error) this.rows.set(id, { text, endsAt })
      callback?.(error)
    })
  }

  override touch(id: string, data: SessionData, callback?: Callback): void {
    const row = this.rows.get(id)
    const endsAt = data.cookie.expires ? new Date(data.cookie.expires).getTime() : Date.now() + 600_000
    this.#later('touch', (error) => {
      if (!error && row && this.rows.has(id)) this.rows.set(id, { ...row, endsAt })
      callback?.(error)
    })
  }

  override destroy(id: string, callback?: Callback): void {
    this.#later('destroy', (error) => {
      if (!error) this.rows.delete(id)
      callback?.(error)
    })
  }

  #later(name: string, work: (error?: Error) => void): void {
    this.calls.push(name)
    const { fault } = this
    setTimeout(() => work(fault), 2)
  }
}
