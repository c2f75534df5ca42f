import { escapeInvisible } from './escape-invisible.ts'

const documentation = 'docs/setup-mistakes.md of the package express-session-oidc'

/** Setup mistakes that show only at run time. docs/setup-mistakes.md has the fix of each. */
export type SetupWarning =
  | 'OIDC_SECRET_DERIVED'
  | 'OIDC_MEMORY_STORE'
  | 'OIDC_STORE_NOT_ATOMIC'
  | 'OIDC_TRUST_PROXY'
  | 'OIDC_SESSION_COOKIE_STRICT'
  | 'OIDC_SESSION_COOKIE_NAME'
  | 'OIDC_ROUTER_ORDER'
  | 'OIDC_ACCESS_TOKEN_UNVERIFIED'
  | 'OIDC_FRONTCHANNEL_COOKIE'
  | 'OIDC_NAME_SHARED'
  | 'OIDC_SESSION_NOT_KEPT'
  | 'OIDC_CLAIMS_DROPPED'

const said = new Set<string>()

/** Emits a warning once per process for each code and subject. */
export function warnOnce(code: SetupWarning, message: string, subject: string = ''): void {
  const key = `${code} ${subject}`
  if (said.has(key)) return
  said.add(key)
  process.emitWarning(escapeInvisible(message), {
    type: 'OidcSetupWarning',
    code,
    detail: `See ${code} in ${documentation}.`,
  })
}

/** Lets specs see warnings again that were emitted before. */
export function forgetWarnings(): void {
  said.clear()
}
