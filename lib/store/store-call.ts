import { storeUnavailable } from '../core/errors.ts'

/** Calls a session store. Everything that it fails with, in its callback or otherwise, becomes `store_unavailable`. */
export function callStore<Result>(run: (done: (error: unknown, result?: Result) => void) => unknown): Promise<Result> {
  return new Promise<Result>((resolve, reject) => {
    const fail = (error: unknown): void => reject(storeUnavailable(error))
    try {
      const returned = run((error, result) => (error ? fail(error) : resolve(result as Result)))
      // Some stores answer through the callback and also reject a promise.
      if (returned instanceof Promise) returned.catch(fail)
    } catch (error) {
      fail(error)
    }
  })
}

/** Whether an error means that there is no such session: file stores report ENOENT, and express-session accepts it. */
export function isNoEntry(error: unknown): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === 'ENOENT'
}
