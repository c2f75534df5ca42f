/**
 * The stable code of an error. Branch on it, never on `message`.
 *
 * - `options_invalid`: an option is invalid; thrown at construction, with all faults at once (500)
 * - `login_required`: nobody is logged in, or the user must log in again (401)
 * - `not_allowed`: the login or the access token does not meet the rule of the route (403)
 * - `token_required`: the route requires an access token, and the request has none (401)
 * - `authentication_insufficient`: the user must authenticate again, or in a stronger way (RFC 9470) (401)
 * - `login_refused`: the application's `afterLogin`, or a rule of the issuer, refused the login (403)
 * - `cross_site_request`: an unsafe request came from another site (403)
 * - `request_invalid`: a request to a route of this package is malformed, or presents a token in an invalid way (400,
 *   405, 413 or 415)
 * - `state_unknown`: this application did not create the `state` of a callback (400)
 * - `transaction_missing`: this browser does not have the cookie of the login in progress (400)
 * - `callback_used`: this authorization response was used already, by another session (400)
 * - `authorization_denied`: the user or the provider refused the login (`access_denied`) (403)
 * - `authorization_failed`: the provider answered the authorization request with another error (400)
 * - `login_loop`: too many logins finished within a minute, because the browser does not keep the session cookie (400)
 * - `destination_refused`: `req.oidc.fetch()` was called for an origin that is not in `fetchOrigins`, or redirected to one
 *   (500)
 * - `client_rejected`: the provider rejected this client or its request; check the configuration (500)
 * - `hook_failed`: the application's `afterLogin`, `roles`, `check` or `onError` failed (500)
 * - `setup_invalid`: the router is missing, mounted at the wrong place or in conflict with another, or the provider
 *   lacks what an option needs (500)
 * - `provider_response_invalid`: the provider's response violates the protocol (502)
 * - `token_invalid`: a token failed its checks (401 if a client presented it, 400 for a logout token, 502 during a
 *   login)
 * - `provider_misconfigured`: the provider's metadata cannot be read for a reason that waiting does not change, such as a
 *   wrong `issuer` or an untrusted certificate, and this process has never read them (500)
 * - `provider_unavailable`: the provider cannot be reached or is failing (503)
 * - `store_unavailable`: the session store or the records cannot be reached (503)
 * - `session_missing`: the request has no session, so no decision is possible (503)
 * - `internal_error`: an unexpected error; see `cause` (500)
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
  | 'provider_misconfigured'
  | 'provider_unavailable'
  | 'store_unavailable'
  | 'session_missing'
  | 'internal_error'

/** What all errors of a code have in common. */
export interface ErrorKind {
  /** HTTP status of the response, unless the error sets another. */
  readonly status: number
  /** Text for users, unless the error has a more precise one. */
  readonly message: string
  /** Title of the error page. */
  readonly title: string
  /**
   * What the operator can do. `detail` is more precise where the case decides. Undefined if the request is at fault, or if
   * the message has the fix.
   */
  readonly fix?: string
  /** Whether the error page offers a new login. */
  readonly offersLogin?: true
  /** Seconds after which the client may try again (`Retry-After`). */
  readonly retryAfterSeconds?: number
}

/** Seconds after which a client may retry a request that failed because of the store or the provider. */
export const retryAfterSeconds = 5

const incomplete = 'The login could not be completed'
const application = 'The application could not complete the request. If this happens again, contact its operator.'
const unusable =
  'The login service returned an invalid response. If this happens again, contact the operator of this application.'
const unmatched =
  'This login has expired, was opened in another browser, or was already completed. Start again from the page that you wanted to open.'
const misconfigured = 'This application is misconfigured'
const contactOperator = 'This application is misconfigured. Contact its operator.'
const tryAgain = 'Please try again in a moment'

/** Every error code, with what its errors have in common. The comment on {@link OidcErrorCode} says what it means. */
export const errorTable: Readonly<Record<OidcErrorCode, ErrorKind>> = {
  options_invalid: {
    status: 500,
    message: application,
    title: misconfigured,
  },
  login_required: {
    status: 401,
    message: 'You need to log in first.',
    title: 'Please log in',
  },
  not_allowed: {
    status: 403,
    message: 'You are logged in, but you do not have permission to do this.',
    title: 'You may not open this page',
  },
  token_required: {
    status: 401,
    message: 'An access token is required in the Authorization header.',
    title: 'Please log in',
  },
  authentication_insufficient: {
    status: 401,
    message: 'You need to confirm who you are.',
    title: 'Please confirm who you are',
  },
  login_refused: {
    status: 403,
    message: 'This account cannot be used here. Log in with another account.',
    title: 'You cannot log in here',
    offersLogin: true,
  },
  cross_site_request: {
    status: 403,
    message: 'This request was refused.',
    title: 'This request was refused',
  },
  request_invalid: {
    status: 400,
    message: 'The request is invalid.',
    title: 'This request is invalid',
  },
  state_unknown: {
    status: 400,
    message: unmatched,
    title: incomplete,
    offersLogin: true,
  },
  transaction_missing: {
    status: 400,
    message: unmatched,
    title: incomplete,
    offersLogin: true,
  },
  callback_used: {
    status: 400,
    message:
      'This login was already completed, in another browser or session. Start again from the page that you wanted to open.',
    title: incomplete,
    offersLogin: true,
  },
  authorization_denied: {
    status: 403,
    message: 'The login was canceled.',
    title: 'The login was canceled',
    offersLogin: true,
  },
  authorization_failed: {
    status: 400,
    message: 'The login service could not complete the login.',
    title: incomplete,
    offersLogin: true,
  },
  login_loop: {
    status: 400,
    message: 'This browser does not keep the session. Allow cookies for this site, then log in again.',
    title: incomplete,
  },
  destination_refused: {
    status: 500,
    message: application,
    title: incomplete,
    fix: 'add the origin to `fetchOrigins` if the application may send access tokens to it',
  },
  client_rejected: {
    status: 500,
    message: 'The login service rejected this application. Contact the operator of this application.',
    title: incomplete,
    fix: 'compare `clientId`, `clientSecret`, `clientAuth` and `scope` with the registration of the client at the provider',
  },
  hook_failed: {
    status: 500,
    message: application,
    title: 'Something went wrong',
    fix: 'correct the function of the application that failed; `cause` has its stack',
  },
  setup_invalid: {
    status: 500,
    message: contactOperator,
    title: misconfigured,
  },
  provider_response_invalid: {
    status: 502,
    message: unusable,
    title: incomplete,
    fix: 'compare the options with what the provider supports, and the clock of this machine with its clock',
    offersLogin: true,
  },
  token_invalid: {
    status: 502,
    message: unusable,
    title: incomplete,
    fix: 'compare `issuer`, `clientId` and the clock of this machine with those of the provider',
    offersLogin: true,
  },
  provider_misconfigured: {
    status: 500,
    message: contactOperator,
    title: misconfigured,
    fix: 'set `issuer` to exactly the issuer that the provider publishes',
  },
  provider_unavailable: {
    status: 503,
    message: 'The login service cannot be reached. Please try again in a moment.',
    title: tryAgain,
    fix: 'check that this machine can reach the provider; service resumes on its own',
    retryAfterSeconds,
  },
  store_unavailable: {
    status: 503,
    message: 'Your session cannot be reached. Please try again in a moment.',
    title: tryAgain,
    fix: 'check that this machine can reach the session store, and that the store accepts writes; service resumes on its own',
    retryAfterSeconds,
  },
  session_missing: {
    status: 503,
    message: 'The session cannot be read. Please try again in a moment.',
    title: tryAgain,
    fix: 'put `app.use(session(...))` before `app.use(oidc.router)`',
    retryAfterSeconds,
  },
  internal_error: {
    status: 500,
    message: application,
    title: 'Something went wrong',
  },
}
