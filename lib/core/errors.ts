import { describe } from './describe.ts'
import { escapeInvisible } from './escape-invisible.ts'
import { describeMissingPermission } from './redis-permissions.ts'
import { errorTable, type OidcErrorCode } from './error-table.ts'

/** The properties of an {@link OidcError}, except `code` and `message`. */
export interface OidcErrorInit {
  /** HTTP status of the response. */
  status: number
  /**
   * Text for the log. It may contain text from the provider, but never a token or a code. The error has it with control
   * characters and other invisible characters escaped.
   *
   * @default undefined
   */
  detail?: string | undefined
  /**
   * Headers of the response, for example `Retry-After`.
   *
   * @default {}
   */
  headers?: Readonly<Record<string, string>> | undefined
  /**
   * The error that caused this one. It must not contain secrets, because loggers print causes.
   *
   * @default undefined
   */
  cause?: unknown
}

/**
 * The base class of all errors of this package. `message` is a text for users. Branch on `code`.
 *
 * @example
 * try {
 *   await req.oidc.accessToken()
 * } catch (error) {
 *   if (!(error instanceof OidcError) || error.code !== 'provider_unavailable') throw error
 *   res.status(error.status).set(error.headers).send(error.message)
 * }
 */
export class OidcError extends Error {
  override readonly name: string = 'OidcError'
  /** The stable code of the error. */
  readonly code: OidcErrorCode
  /** HTTP status of the response. Express's default error handler uses it too. */
  readonly status: number
  /**
   * Headers of the response. Express's default error handler sends them too.
   *
   * @default {}
   */
  readonly headers: Readonly<Record<string, string>>
  /**
   * Whether `message` may be shown to users. Always true: other information is in `detail`.
   *
   * @default true
   */
  readonly expose: boolean = true
  /** Text for the log, or undefined. Do not show it to users. */
  readonly detail: string | undefined

  constructor(code: OidcErrorCode, message: string, init: OidcErrorInit) {
    super(message)
    this.code = code
    this.status = init.status
    this.headers = init.headers ?? {}
    this.detail = init.detail === undefined ? undefined : escapeInvisible(init.detail)
    if (init.cause !== undefined) {
      Object.defineProperty(this, 'cause', { value: init.cause, enumerable: false, configurable: true, writable: true })
    }
  }
}

// util.inspect shows a cause even if it is not enumerable, with everything that the cause contains.
Object.defineProperty(OidcError.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: OidcError): string {
    const detail = this.detail === undefined ? '' : `\n  detail: ${this.detail}`
    return `${this.stack ?? `${this.name}: ${this.message}`}\n  code: ${this.code}, status: ${this.status}${detail}`
  },
})

/**
 * An error that `afterLogin` throws to refuse a login (`login_refused`). The response is 403 with `message`, and the
 * former session is unchanged.
 *
 * @example
 * const oidc = createOidc({
 *   ...options,
 *   afterLogin(req, { user }) {
 *     if (!user.email_verified) throw new LoginRefused('Confirm your email address, and log in again.')
 *   },
 * })
 */
export class LoginRefused extends OidcError {
  override readonly name = 'LoginRefused'

  /** @param message Text for the user. */
  constructor(message: string) {
    super('login_refused', message, { status: errorTable.login_refused.status })
  }
}

/** Scope and parameters of an authorization request. In an error: what a step-up login has to request. */
export interface OidcLoginNeeds {
  /** The scope; in an error the missing scope, requested in addition to the granted scope. */
  readonly scope: readonly string[]
  /**
   * The other parameters as they are sent; in an error `acr_values`, `max_age`, `claims`, `resource`. Several resources are
   * separated by spaces.
   */
  readonly parameters: Readonly<Record<string, string>>
}

/** The properties of a {@link LoginNeeded}. */
export interface LoginNeededInit extends OidcLoginNeeds {
  /** Name of the instance. */
  readonly provider: string
  /** Identity of the instance: a hash of its issuer, client id and name. */
  readonly owner: string
  /** Text for the log. */
  readonly detail: string
  /**
   * Whether a login requested the same a moment ago, without the required result.
   *
   * @default false
   */
  readonly isRepeat?: boolean | undefined
  /**
   * Whether a login that requested the same returned too late.
   *
   * @default false
   */
  readonly isLate?: boolean | undefined
}

type StepUpCode = 'login_required' | 'authentication_insufficient' | 'not_allowed'

/** Texts for users who are logged in. */
const stepUpMessages: Readonly<Record<StepUpCode, string>> = {
  login_required: 'You need to log in again.',
  authentication_insufficient: errorTable.authentication_insufficient.message,
  not_allowed: 'This requires a permission that you have not granted.',
}

/**
 * An error that a further login may resolve: the user is logged in, but the login does not meet a requirement. Guards
 * and `errorHandler()` redirect a page navigation to the provider for such a login, unless `isRepeat` or `isLate` is true.
 *
 * - `login_required` (401): the user has to log in again
 * - `authentication_insufficient` (401): a more recent or stronger authentication is required
 * - `not_allowed` (403): more scope is required
 *
 * @see https://www.rfc-editor.org/rfc/rfc9470#section-3
 * @example
 * app.get('/orders', oidc.requireAuth(), async (req, res, next) => {
 *   try {
 *     res.json(await loadOrders(await req.oidc.accessToken({ scope: 'orders:read' })))
 *   } catch (error) {
 *     if (error instanceof LoginNeeded) log.info({ scope: error.needs.scope }, 'more scope is required')
 *     next(error) // errorHandler() redirects to the provider
 *   }
 * })
 */
export class LoginNeeded extends OidcError {
  override readonly name = 'LoginNeeded'
  /** Name of the instance that the login belongs to. */
  readonly provider: string
  /** Identity of that instance: a hash of its issuer, client id and name. */
  readonly owner: string
  /** The requirements that the further login has to request. */
  readonly needs: OidcLoginNeeds
  /**
   * Whether a login requested the same within the last five minutes, without the required result. Then `status` is 403,
   * and no further login starts.
   *
   * @default false
   */
  readonly isRepeat: boolean
  /**
   * Whether a login requested a maximum age of the authentication within the last five minutes, and returned when the
   * authentication was too old already. Then no redirect follows, because it could loop: the error page has a link instead.
   *
   * @default false
   */
  readonly isLate: boolean

  constructor(code: StepUpCode, init: LoginNeededInit) {
    const { provider, owner, scope, parameters, isRepeat = false, isLate = false } = init
    super(code, stepUpMessages[code], { status: isRepeat ? 403 : errorTable[code].status, detail: init.detail })
    this.provider = provider
    this.owner = owner
    this.needs = { scope, parameters }
    this.isRepeat = isRepeat
    this.isLate = isLate
  }
}

/** Properties that replace the defaults of the error table. */
export interface FailOptions extends Partial<OidcErrorInit> {
  /** Text for the user. */
  readonly message?: string | undefined
  /** Seconds after which the client may retry (`Retry-After`). */
  readonly retryAfterSeconds?: number | undefined
}

/** Creates an error. Status, message and `Retry-After` default to those of the error table. */
export function fail(code: OidcErrorCode, detail?: string, options: FailOptions = {}): OidcError {
  const kind = errorTable[code]
  const { message = kind.message, status = kind.status, headers, cause } = options
  const retryAfter = options.retryAfterSeconds ?? kind.retryAfterSeconds
  const retry = retryAfter === undefined ? {} : { 'Retry-After': String(Math.max(1, Math.ceil(retryAfter))) }
  return new OidcError(code, message, { status, detail, headers: { ...retry, ...headers }, cause })
}

/**
 * Converts a failure of the session store or the records to a 503: nobody is logged out, and nobody gets in. A Redis user
 * without the permissions is a setup mistake instead (500), because waiting does not help.
 */
export function storeUnavailable(cause: unknown): OidcError {
  if (cause instanceof OidcError) return cause
  const [detail, permission] = [describe(cause), describeMissingPermission(cause)]
  if (permission !== undefined) return fail('setup_invalid', `${detail}; ${permission}`, { cause })
  return fail('store_unavailable', detail, { cause })
}

/** Creates the error for a provider that is down. It has no cause: errors of openid-client contain codes and tokens. */
export function providerUnavailable(detail: string, retryAfterSeconds?: number): OidcError {
  return fail('provider_unavailable', detail, { retryAfterSeconds })
}

/** Creates the error for a function of the application that threw. */
export function hookFailed(hook: string, error: unknown, secrets: readonly (string | undefined)[] = []): OidcError {
  // A refusal, or a fault of the store or the provider that the function encountered, is not the function's own fault.
  if (error instanceof LoginRefused || (error instanceof OidcError && error.status === 503)) return error
  return fail('hook_failed', `\`${hook}\` failed: ${describe(error, secrets)}`, { cause: error })
}

/** Creates the error for a setup mistake. The message contains the fix. */
export function setupInvalid(problem: string): OidcError {
  // It may quote the URL of a request, or the provider's metadata.
  const message = escapeInvisible(problem)
  return fail('setup_invalid', message, { message: `express-session-oidc: ${message}` })
}
