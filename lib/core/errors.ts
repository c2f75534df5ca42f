/**
 * Every error that this package raises, by its stable code. Callers branch on `code`, never on `message`.
 *
 * - `options_invalid`: an option is wrong; thrown at construction, all faults at once.
 * - `login_required`: nobody is logged in (401).
 * - `not_allowed`: logged in, or with a good token, but the rule of the route is not met (403).
 * - `token_required`: the route takes an access token and none was presented (401).
 * - `authentication_insufficient`: the user of a token must authenticate anew, or better (401, RFC 9470).
 * - `login_refused`: the application's `afterLogin` refused the login (403).
 * - `cross_site_request`: an unsafe request came from another site (403).
 * - `request_invalid`: a request to one of our own routes, or the way it presents a token, is malformed (400, 405, 413 or 415).
 * - `state_unknown`: the `state` of a callback was not made by this application (400).
 * - `transaction_missing`: the login under way is not known in this browser (400).
 * - `callback_used`: this authorization response was used already, by another session (400).
 * - `authorization_denied`: the user or the provider refused the login, `access_denied` (403).
 * - `authorization_failed`: the provider answered the authorization request with another error (400).
 * - `login_loop`: too many logins finished within a minute; the session cookie does not stick (400).
 * - `destination_refused`: `req.oidc.fetch()` was to call an origin that `fetchOrigins` does not list (500).
 * - `client_rejected`: the provider refused this client or its request; a matter of configuration (500).
 * - `hook_failed`: `afterLogin`, `roles` or a `check` failed (500).
 * - `setup_invalid`: the router is missing, mounted at the wrong place or clashes with another; or the provider
 *   does not have what an option needs (500).
 * - `provider_response_invalid`: the provider's answer breaks the protocol (502).
 * - `token_invalid`: a token did not pass its checks (401 where a client presented it, 502 during a login).
 * - `provider_unavailable`: the provider cannot be reached or is failing (503).
 * - `store_unavailable`: the session store or the records cannot be reached (503).
 * - `session_missing`: the request has no session, so nobody can be judged (503).
 * - `internal_error`: something failed that should not have (500); `cause` has it.
 */
export type OidcErrorCode =
  | 'options_invalid'
  | 'login_required'
  | 'not_allowed'
  | 'token_required'
  | 'authentication_insufficient'
  | 'login_refused'
  | 'cross_site_request'
  | 'request_invalid'
  | 'state_unknown'
  | 'transaction_missing'
  | 'callback_used'
  | 'authorization_denied'
  | 'authorization_failed'
  | 'login_loop'
  | 'destination_refused'
  | 'client_rejected'
  | 'hook_failed'
  | 'setup_invalid'
  | 'provider_response_invalid'
  | 'token_invalid'
  | 'provider_unavailable'
  | 'store_unavailable'
  | 'session_missing'
  | 'internal_error'

/** What an {@link OidcError} is made of. */
export interface OidcErrorInit {
  /** HTTP status of the answer. */
  status: number
  /** For the log: what happened, in words that may name the provider's text, never a token or a code. */
  detail?: string | undefined
  /** Headers of the answer, `Retry-After` for instance. */
  headers?: Readonly<Record<string, string>> | undefined
  /** The error behind it, where that one carries no secrets. */
  cause?: unknown
}

/** The one base class of this package's errors. */
export class OidcError extends Error {
  override readonly name: string = 'OidcError'
  /** Stable; branch on this. */
  readonly code: OidcErrorCode
  /** HTTP status of the answer; Express's own error handler reads it too. */
  readonly status: number
  /** Headers of the answer; Express's own error handler sends them too. */
  readonly headers: Readonly<Record<string, string>>
  /** Whether `message` may be shown to the user: always, by construction. */
  readonly expose: boolean = true
  /** For the log only. */
  readonly detail: string | undefined

  constructor(code: OidcErrorCode, message: string, init: OidcErrorInit) {
    super(message)
    this.code = code
    this.status = init.status
    this.headers = init.headers ?? {}
    this.detail = init.detail
    if (init.cause !== undefined) {
      Object.defineProperty(this, 'cause', { value: init.cause, enumerable: false, configurable: true, writable: true })
    }
  }
}

// util.inspect shows a cause even where it is not enumerable, and with it whatever the cause carries.
Object.defineProperty(OidcError.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: OidcError): string {
    const detail = this.detail === undefined ? '' : `\n  detail: ${this.detail}`
    return `${this.stack ?? `${this.name}: ${this.message}`}\n  code: ${this.code}, status: ${this.status}${detail}`
  },
})

/**
 * Thrown by an application's `afterLogin` to refuse a login: the answer is 403 with `message` on it, and the former
 * session is untouched.
 */
export class LoginRefused extends OidcError {
  override readonly name = 'LoginRefused'

  /** @param message shown to the user. */
  constructor(message: string) {
    super('login_refused', message, { status: 403 })
  }
}

/** What another login has to ask for. */
export interface LoginNeeds {
  /** Scope that is missing, to be asked for on top of what was granted. */
  readonly scope: readonly string[]
  /** Parameters of the authorization request: `acr_values`, `max_age`, `claims`. */
  readonly parameters: Readonly<Record<string, string>>
}

/** What a {@link LoginNeeded} is made of. */
export interface LoginNeededInit extends LoginNeeds {
  /** Name of the instance. */
  readonly provider: string
  /** Identity of the instance, see `ownerOf`. */
  readonly owner: string
  /** For the log. */
  readonly detail: string
  /** Whether it was asked for a moment ago, with the same result. Default false. */
  readonly isRepeat?: boolean | undefined
}

const loginNeeded = {
  login_required: { status: 401, message: 'You need to log in again.' },
  authentication_insufficient: { status: 401, message: 'You need to confirm who you are.' },
  not_allowed: { status: 403, message: 'This needs a permission that you have not granted.' },
} as const

/**
 * There is a login, and more is needed than it has: another that asks for it may bring it. A guard, or `errorHandler()`,
 * sends navigations there, unless that was done a moment ago with the same result.
 *
 * `login_required` (401): a login as it was. `authentication_insufficient` (401): a fresher or stronger one (RFC 9470).
 * `not_allowed` (403): one that is granted more scope.
 */
export class LoginNeeded extends OidcError {
  override readonly name = 'LoginNeeded'
  /** Name of the instance whose login it is. */
  readonly provider: string
  /** Identity of that instance: a hash of its issuer, client id and name. */
  readonly owner: string
  /** What the other login has to ask for. */
  readonly needs: LoginNeeds
  /** Whether it was asked for a moment ago, with the same result: then it is not asked for again. */
  readonly isRepeat: boolean

  constructor(code: keyof typeof loginNeeded, init: LoginNeededInit) {
    const { status, message } = loginNeeded[code]
    const { provider, owner, scope, parameters, isRepeat = false } = init
    super(code, message, { status: isRepeat ? 403 : status, detail: init.detail })
    this.provider = provider
    this.owner = owner
    this.needs = { scope, parameters }
    this.isRepeat = isRepeat
  }
}

/** Seconds after which a client may try again what failed by a fault of the store or the provider. */
export const retryAfterSeconds = 5

/** A fault of the session store or the records: 503, nobody is logged out and nobody let in. */
export function storeUnavailable(cause: unknown): OidcError {
  if (cause instanceof OidcError) return cause
  return new OidcError('store_unavailable', 'The session store cannot be reached. Please try again in a moment.', {
    status: 503,
    headers: { 'Retry-After': String(retryAfterSeconds) },
    detail: describe(cause),
    cause,
  })
}

/** A fault of the provider: 503. Its own error objects are not kept, since they carry codes and tokens. */
export function providerUnavailable(detail: string, retryAfter: number = retryAfterSeconds): OidcError {
  return new OidcError('provider_unavailable', 'The login service cannot be reached. Please try again in a moment.', {
    status: 503,
    headers: { 'Retry-After': String(Math.max(1, Math.ceil(retryAfter))) },
    detail,
  })
}

/** A text without what it repeats of `secrets`, as it is or encoded. Before it is cut: half a secret is not found. */
export function withoutSecrets(text: string, secrets: readonly (string | undefined)[]): string {
  let masked = text
  for (const secret of secrets) {
    if (secret === undefined || secret.length < 4) continue
    const urlEncoded = encodeURIComponent(secret)
    const formEncoded = new URLSearchParams([['', secret]]).toString().slice(1)
    const json = JSON.stringify(secret).slice(1, -1)
    for (const form of [secret, urlEncoded, formEncoded, json]) masked = masked.replaceAll(form, '[secret]')
  }
  return masked
}

/** Name, code and message of an unknown thrown value, on one line, without what it repeats of `secrets`. */
export function describe(error: unknown, secrets: readonly (string | undefined)[] = []): string {
  if (!(error instanceof Error))
    return typeof error === 'string' ? withoutSecrets(error, secrets).slice(0, 500) : `a thrown ${typeof error}`
  const code = (error as { code?: unknown }).code
  const message = withoutSecrets(error.message, secrets).replace(/\s+/g, ' ').slice(0, 500)
  return `${error.name}${typeof code === 'string' ? ` (${code})` : ''}${message ? `: ${message}` : ''}`
}

/** A function of the application's own threw: its fault, not a refusal. */
export function hookFailed(hook: string, error: unknown, secrets: readonly (string | undefined)[] = []): OidcError {
  // A refusal is one, and so is a fault of the store or the provider that the hook ran into.
  if (error instanceof LoginRefused || (error instanceof OidcError && error.status === 503)) return error
  return new OidcError('hook_failed', 'The application could not complete the request.', {
    status: 500,
    detail: `${hook} failed: ${describe(error, secrets)}`,
    cause: error,
  })
}

/** A mistake in how the package was set up, found at run time: 500, and the fix in the message. */
export function setupInvalid(message: string): OidcError {
  return new OidcError('setup_invalid', `express-session-oidc: ${message}`, { status: 500, detail: message })
}

/** A request that cannot be answered: 400. */
export function badRequest(code: OidcErrorCode, message: string, detail?: string): OidcError {
  return new OidcError(code, message, { status: 400, detail })
}
