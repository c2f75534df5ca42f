import type { OidcLog } from '../core/failure-log.ts'
import type { Checks } from './checks.ts'

/** Returns the option `log`; undefined: standard error. */
export function readLog(checks: Checks): OidcLog | undefined {
  const given = checks.value('log')
  if (given === undefined || given === false || typeof given === 'function') return given as OidcLog | undefined
  checks.fault('`log` must be a function or false; without it, failures are written to standard error')
  return undefined
}
