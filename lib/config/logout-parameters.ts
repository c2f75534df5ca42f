import { Checks, optionsInvalid } from './checks.ts'

/** Parameters of one logout.
 * @see https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout */
export interface OidcLogoutParameters {
  /** Path on this origin that the user returns to after the logout.
   * @default the option `postLogoutRedirect`
   * @example oidc.logout({ returnTo: '/goodbye' }) */
  returnTo?: string | undefined
  /** Ends the login only here, and revokes its tokens. The user stays logged in at the provider, so the next login may not
   * ask for a password.
   * @default false
   * @example oidc.logout({ local: true }) */
  local?: boolean | undefined
  /** Also ends this session's logins with all other instances, but only here: at the provider only this login ends. A request
   * from another origin ends only logins with instances whose `allowedOrigins` lists that origin.
   * @default false
   * @example oidc.logout({ all: true }) */
  all?: boolean | undefined
}

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
