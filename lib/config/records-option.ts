import type { OidcRecords } from '../core/records.ts'
import type { Checks } from './checks.ts'

const methods = ['get', 'set', 'add', 'replace', 'getAndDelete', 'delete', 'addToSet', 'members', 'removeFromSet']

/** Returns an option that must be {@link OidcRecords}; undefined if it is missing or invalid. */
export function readRecords(checks: Checks, name: string, given: unknown): OidcRecords | undefined {
  if (given === undefined) return undefined
  if (
    typeof given === 'object' &&
    given !== null &&
    methods.every((method) => typeof (given as Record<string, unknown>)[method] === 'function')
  ) {
    return given as OidcRecords
  }
  checks.fault(
    `${name} must have the methods get, set, add, replace, getAndDelete, delete, addToSet, members and removeFromSet; pass \`redisRecords({ client })\` or your own records`,
  )
  return undefined
}
