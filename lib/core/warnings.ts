const documentation = 'docs/setup-mistakes.md of the package express-session-oidc'

/** Set-up mistakes that can only be seen at run time. Each is named once a process, with a code and the fix. */
export type SetupWarning =
  | 'OIDC_SECRET_DERIVED'
  | 'OIDC_MEMORY_STORE'
  | 'OIDC_STORE_NOT_ATOMIC'
  | 'OIDC_TRUST_PROXY'
  | 'OIDC_SESSION_COOKIE_STRICT'
  | 'OIDC_ROUTER_ORDER'
  | 'OIDC_ACCESS_TOKEN_UNVERIFIED'
  | 'OIDC_FRONTCHANNEL_COOKIE'
  | 'OIDC_NAME_SHARED'

const said = new Set<string>()

/** Warns once for each code and subject. */
export function warnOnce(code: SetupWarning, message: string, subject: string = ''): void {
  const key = `${code} ${subject}`
  if (said.has(key)) return
  said.add(key)
  process.emitWarning(message, { type: 'OidcSetupWarning', code, detail: `See ${code} in ${documentation}.` })
}

/** Forgets what was said, for specs. */
export function forgetWarnings(): void {
  said.clear()
}
