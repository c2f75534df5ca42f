import { errorTable, type OidcErrorCode } from './error-table.ts'

/** The code of a warning about the setup. `docs/setup-mistakes.md` has the fix of each. */
export type OidcWarningCode =
  | 'OIDC_SECRET_DERIVED'
  | 'OIDC_MEMORY_STORE'
  | 'OIDC_STORE_NOT_ATOMIC'
  | 'OIDC_TRUST_PROXY'
  | 'OIDC_SESSION_COOKIE_STRICT'
  | 'OIDC_SESSION_COOKIE_NAME'
  | 'OIDC_ACCESS_TOKEN_UNVERIFIED'
  | 'OIDC_FRONTCHANNEL_COOKIE'
  | 'OIDC_NAME_SHARED'
  | 'OIDC_SESSION_NOT_KEPT'
  | 'OIDC_CLAIMS_DROPPED'
  | 'OIDC_LISTENER_FAILED'
  | 'OIDC_LOG_FAILED'

/** Returns the address of a heading in the documentation of the package. */
function makeLink(heading: string): string {
  return `docs/setup-mistakes.md#${heading}`
}

export function linkWarning(code: OidcWarningCode): string {
  return makeLink(code.toLowerCase())
}

/** The heading of an error has its code and its status. */
export function linkError(code: OidcErrorCode): string {
  return makeLink(`${code}-${errorTable[code].status}`)
}
