import { storeUnavailable } from '../core/errors.ts'

/** Calls a session store: whatever it fails with, in its callback or outside, is a fault of the store. */
export function callStore<Result>(run: (done: (error: unknown, result?: Result) => void) => unknown): Promise<Result> {
  return new Promise<Result>((resolve, reject) => {
    const fail = (error: unknown): void => reject(storeUnavailable(error))
    try {
      const returned = run((error, result) => (error ? fail(error) : resolve(result as Result)))
      // Some stores answer through the callback and reject a promise besides.
      if (returned instanceof Promise) returned.catch(fail)
    } catch (error) {
      fail(error)
    }
  })
}

/** Whether a store says that there is no such session: express-session takes this error for that, and stores of files give it. */
export function isNoEntry(error: unknown): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === 'ENOENT'
}
