import { errorTable, type OidcErrorCode } from './error-table.ts'

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
    super('login_refused', message, { status: errorTable.login_refused.status })
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

type StepUpCode = 'login_required' | 'authentication_insufficient' | 'not_allowed'

/** Texts for users who are logged in already. */
const stepUpMessages: Readonly<Record<StepUpCode, string>> = {
  login_required: 'You need to log in again.',
  authentication_insufficient: errorTable.authentication_insufficient.message,
  not_allowed: 'This needs a permission that you have not granted.',
}

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

  constructor(code: StepUpCode, init: LoginNeededInit) {
    const { provider, owner, scope, parameters, isRepeat = false } = init
    super(code, stepUpMessages[code], { status: isRepeat ? 403 : errorTable[code].status, detail: init.detail })
    this.provider = provider
    this.owner = owner
    this.needs = { scope, parameters }
    this.isRepeat = isRepeat
  }
}

/** What an error has instead of what the table says for its code. */
export interface FailOptions extends Partial<OidcErrorInit> {
  /** For the user. */
  readonly message?: string | undefined
  /** Seconds after which the client may try again. */
  readonly retryAfterSeconds?: number | undefined
}

/** Creates the error of a code. Status, message and `Retry-After` come from the table unless they are given. */
export function fail(code: OidcErrorCode, detail?: string, options: FailOptions = {}): OidcError {
  const kind = errorTable[code]
  const { message = kind.message, status = kind.status, headers, cause } = options
  const retryAfter = options.retryAfterSeconds ?? kind.retryAfterSeconds
  const retry = retryAfter === undefined ? {} : { 'Retry-After': String(Math.max(1, Math.ceil(retryAfter))) }
  return new OidcError(code, message, { status, detail, headers: { ...retry, ...headers }, cause })
}

/** Turns a failure of the session store or the records into an error. Nobody is logged out, and nobody gets in. */
export function storeUnavailable(cause: unknown): OidcError {
  return cause instanceof OidcError ? cause : fail('store_unavailable', describe(cause), { cause })
}

/** The provider is unavailable. Its own error objects are not kept because they carry codes and tokens. */
export function providerUnavailable(detail: string, retryAfterSeconds?: number): OidcError {
  return fail('provider_unavailable', detail, { retryAfterSeconds })
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
  return fail('hook_failed', `${hook} failed: ${describe(error, secrets)}`, { cause: error })
}

/** The package is set up incorrectly. The message names the fix. */
export function setupInvalid(message: string): OidcError {
  return fail('setup_invalid', message, { message: `express-session-oidc: ${message}` })
}
