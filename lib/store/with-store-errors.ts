import { storeUnavailable } from '../core/errors.ts'
import type { OidcRecords } from '../core/records.ts'

/** Wraps the application's own records, so that everything that they throw or reject with becomes `store_unavailable`. */
export function wrapStoreErrors(records: OidcRecords): OidcRecords {
  const safe = async <Answer>(call: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await call()
    } catch (error) {
      throw storeUnavailable(error)
    }
  }
  return {
    get: (key) => safe(() => records.get(key)),
    set: (key, value, seconds) => safe(() => records.set(key, value, seconds)),
    add: (key, value, seconds, changes) => safe(() => records.add(key, value, seconds, changes)),
    replace: (key, expected, value, seconds, changes) =>
      safe(() => records.replace(key, expected, value, seconds, changes)),
    getAndDelete: (key) => safe(() => records.getAndDelete(key)),
    delete: (keys) => safe(() => records.delete(keys)),
    addToSet: (key, member, seconds) => safe(() => records.addToSet(key, member, seconds)),
    members: (key) => safe(() => records.members(key)),
    removeFromSet: (key, members) => safe(() => records.removeFromSet(key, members)),
  }
}
