import { Checks, optionsInvalid } from './checks.ts'
import type { OidcLogoutParameters } from './options.ts'

/**
 * Validates the parameters of a logout.
 * @throws OidcError `options_invalid`, which names every fault.
 */
export function checkLogout(parameters: OidcLogoutParameters, origin: string): OidcLogoutParameters {
  const checks = new Checks(parameters, 'the parameters of logout()', ['returnTo', 'local', 'all'])
  const checked = {
    returnTo: checks.path('returnTo', origin, '/goodbye'),
    local: checks.boolean('local', false),
    all: checks.boolean('all', false),
  }
  if (checks.faults.length > 0) throw optionsInvalid('logout()', checks.faults)
  return checked
}
