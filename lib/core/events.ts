import { channel, type Channel } from 'node:diagnostics_channel'
import { debuglog } from 'node:util'
import { escapeControls, escapeInvisible } from './escape-invisible.ts'
import { FailureLog } from './failure-log.ts'

/** The fields that every event has. */
export interface OidcEventBase {
  /** The option `name` of the instance; without one `default`, or `bearer` for `createBearer()`. */
  provider: string
  /** Time of the event, in seconds since the epoch, with a fraction. */
  at: number
}

/**
 * The reason why a login was ended.
 *
 * - `user`: its user logged out
 * - `back_channel`: the provider's server sent a logout token
 * - `front_channel`: the provider loaded the front-channel logout route in the browser
 * - `application`: the application called `oidc.logins.end()`
 * - `refresh_refused`: the provider refused to refresh its tokens
 */
export type OidcLogoutReason = 'user' | 'back_channel' | 'front_channel' | 'application' | 'refresh_refused'

/**
 * The reason why tokens were refreshed.
 *
 * - `expiry`: the access token had expired or was about to
 * - `recheck`: the login had not been checked for `recheckSeconds`
 * - `rejected`: an API refused the access token
 */
export type OidcRefreshReason = 'expiry' | 'recheck' | 'rejected'

/**
 * The events of an instance, with their fields. No event carries a token, a code or a secret. Control
 * characters in `detail` and `sub` are escaped.
 *
 * @example
 * const stop = oidc.on('login_failed', ({ code, status, detail }) => log.warn({ code, status, detail }, 'login failed'))
 */
export interface OidcEvents {
  /**
   * A browser was redirected to the provider to log in. `prompt` is the parameter of the authorization request, if it
   * has one. `attempt` counts the restarts of the login, from 0 to 3: the browser came back without the login's cookie,
   * or too late, or a logout or another tab was faster.
   */
  login_begun: OidcEventBase & { prompt: string | undefined; attempt: number }
  /**
   * A login is complete. `loginId` identifies it until it ends; it grants no access. `isPageLost` is true if the query of
   * the page to return to was too long to keep while several logins were in progress, so the user gets the page without it.
   */
  login: OidcEventBase & { issuer: string; sub: string; loginId: string; isPageLost?: true | undefined }
  /** A login could not be begun or finished; at most one event per request. `code` is the code of the error. */
  login_failed: OidcEventBase & { code: string; status: number; detail: string | undefined }
  /**
   * A login was ended. Not emitted for a login that reaches its maximum age or idle time, nor for one that the login of
   * another user replaces.
   */
  logout: OidcEventBase & { issuer: string; sub: string; loginId: string; reason: OidcLogoutReason }
  /** The tokens of a login were refreshed; one event, however many requests wait for the refresh. */
  refresh: OidcEventBase & {
    issuer: string
    sub: string
    loginId: string
    reason: OidcRefreshReason
    /** Duration in milliseconds, including the store. */
    durationMs: number
  }
  /**
   * The tokens of a login could not be refreshed. The login remains valid, unless a `logout` with the reason
   * `refresh_refused` follows.
   */
  refresh_failed: OidcEventBase & {
    sub: string
    loginId: string
    reason: OidcRefreshReason
    code: string
    status: number
    detail: string | undefined
  }
  /**
   * A guard refused a logged-in user or a valid access token that does not meet its rule. Or a cross-site request was
   * refused; then `sub` is undefined. Not emitted if the guard redirects to a step-up login.
   */
  denied: OidcEventBase & { code: string; status: number; sub: string | undefined; detail: string | undefined }
  /** A guard refused an access token, or the back-channel logout route refused a logout token. `detail` is the reason. */
  token_rejected: OidcEventBase & { code: string; status: number; detail: string | undefined }
  /** The session store or the records failed. */
  store_fault: OidcEventBase & { detail: string | undefined }
  /** The provider failed, for example in a login, a refresh or a logout, or while its keys were fetched. */
  provider_fault: OidcEventBase & { detail: string | undefined }
}

/** The name of an event. */
export type OidcEventName = keyof OidcEvents

/** A listener of one event. It runs synchronously, and its event is frozen. If it throws, that is logged. */
export type OidcListener<Name extends OidcEventName> = (event: Readonly<OidcEvents[Name]>) => void

/**
 * The channels, created when this module loads and never released. When Node 20 collects an unreferenced channel, it also
 * removes a newer one of the same name, with its subscribers.
 */
const channels: Readonly<Record<OidcEventName, Channel>> = {
  login_begun: findChannel('login_begun'),
  login: findChannel('login'),
  login_failed: findChannel('login_failed'),
  logout: findChannel('logout'),
  refresh: findChannel('refresh'),
  refresh_failed: findChannel('refresh_failed'),
  denied: findChannel('denied'),
  token_rejected: findChannel('token_rejected'),
  store_fault: findChannel('store_fault'),
  provider_fault: findChannel('provider_fault'),
}

function findChannel(name: OidcEventName): Channel {
  return channel(`express-session-oidc:${name}`)
}

/** Prints every event with `NODE_DEBUG=express-session-oidc`. */
const debug = debuglog('express-session-oidc')

/**
 * Emits events to listeners, to `node:diagnostics_channel` as `express-session-oidc:<event>`, and to the debug log of Node.
 * Whatever reports failures needs the log of the instance as well, so it is here.
 */
export class Events {
  readonly log: FailureLog
  readonly #provider: string
  readonly #listeners = new Map<OidcEventName, Set<(event: never) => void>>()

  constructor(provider: string, log: FailureLog = new FailureLog(provider)) {
    this.#provider = provider
    this.log = log
  }

  on<Name extends OidcEventName>(name: Name, listener: OidcListener<Name>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  emit<Name extends OidcEventName>(name: Name, fields: Omit<OidcEvents[Name], keyof OidcEventBase>): void {
    const published = channels[name]
    const listeners = this.#listeners.get(name)
    if (!published.hasSubscribers && !listeners?.size && !debug.enabled) return
    const event = Object.freeze({ provider: this.#provider, at: Date.now() / 1000, ...escapeTexts(fields) })
    if (debug.enabled) debug('%s %s', name, JSON.stringify(event))
    published.publish(event)
    for (const listener of listeners ?? []) {
      try {
        const returned = (listener as (event: unknown) => unknown)(event)
        if (returned instanceof Promise) returned.catch((error: unknown) => this.#warnOfListener(name, error))
      } catch (error) {
        this.#warnOfListener(name, error)
      }
    }
  }

  /** Logs a warning, because a listener that fails must not fail a login. */
  #warnOfListener(name: string, error: unknown): void {
    const thrown = error instanceof Error ? escapeInvisible(error.name) : 'a value'
    const problem = `a listener of the event '${name}' threw ${thrown}`
    this.log.warn('OIDC_LISTENER_FAILED', `${name} ${thrown}`, problem, 'catch its errors')
  }
}

/**
 * Escapes the texts of a client or a provider. A subject may contain any character, and no user is refused for it, but it must
 * not forge a log.
 */
function escapeTexts<Fields extends { readonly detail?: string | undefined; readonly sub?: string | undefined }>(
  fields: Fields,
): Fields {
  const { detail, sub } = fields
  return {
    ...fields,
    ...(detail === undefined ? {} : { detail: escapeInvisible(detail) }),
    ...(sub === undefined ? {} : { sub: escapeControls(sub) }),
  }
}
