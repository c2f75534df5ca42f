import { Store, type SessionData } from 'express-session'

type Done<Data = void> = (error?: unknown, data?: Data) => void

/** A fault of a store operation: an error in its callback, or thrown at once. */
export type StoreFault = { readonly error: Error; readonly thrown?: boolean }

/** A typical session store: it answers later, by callback, and knows nothing of logins. */
export class AsyncStore extends Store {
  readonly entries = new Map<string, string>()
  /** The operations in order, such as `get <id>`. */
  readonly done: string[] = []
  /** Lifetimes of the entries as a store reads them, in milliseconds. */
  readonly lives = new Map<string, number | null | undefined>()
  /** Decides for each operation whether it fails. */
  fault: (operation: string, id: string) => StoreFault | undefined = () => undefined
  /** Decides for each operation whether it is done but its answer is lost. */
  lost: (operation: string, id: string) => boolean = () => false

  override get(id: string, done: Done<SessionData | null>): void {
    this.run('get', id, done, () => {
      const text = this.entries.get(id)
      return text === undefined ? null : (JSON.parse(text) as SessionData)
    })
  }

  override set(id: string, session: SessionData, done: Done = () => {}): void {
    const text = JSON.stringify(session)
    this.run('set', id, done, () => {
      this.entries.set(id, text)
      this.lives.set(id, session.cookie.originalMaxAge)
    })
  }

  override destroy(id: string, done: Done = () => {}): void {
    this.run('destroy', id, done, () => void this.entries.delete(id))
  }

  /** Runs an operation on an entry asynchronously. */
  protected run<Data>(operation: string, id: string, done: Done<Data>, work: () => Data): void {
    this.done.push(`${operation} ${id}`)
    const fault = this.fault(operation, id)
    if (fault?.thrown) throw fault.error
    setImmediate(() => {
      if (fault) return done(fault.error)
      const data = work()
      // A second turn, in which operations that are not serialized interleave.
      setImmediate(() => (this.lost(operation, id) ? done(new Error('the answer was lost')) : done(null, data)))
    })
  }
}
