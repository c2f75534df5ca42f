import { localPath } from '../core/urls.ts'
import { Checks, optionsInvalid } from './checks.ts'
import type { LogoutParameters } from './options.ts'

/**
 * Checks what a logout is to do.
 *
 * @throws OidcError `options_invalid` that names every fault.
 */
export function checkLogout(parameters: LogoutParameters, origin: string): LogoutParameters {
  const checks = new Checks(parameters, 'the parameters of logout()', ['returnTo', 'local', 'all'])
  const given = checks.value('returnTo')
  const returnTo = given === undefined ? undefined : localPath(given, origin)
  if (given !== undefined && returnTo === undefined) {
    checks.fault("returnTo must be a path on this origin, such as '/goodbye'")
  }
  const checked = { returnTo, local: checks.boolean('local', false), all: checks.boolean('all', false) }
  if (checks.faults.length > 0) throw optionsInvalid('logout()', checks.faults)
  return checked
}
