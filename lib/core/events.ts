import { channel, type Channel } from 'node:diagnostics_channel'

/** Fields that every event has. */
export interface OidcEventBase {
  /** Name of the instance. */
  provider: string
  /** Milliseconds since the epoch. */
  at: number
}

/**
 * Why a login ended: its user logged out, the provider said so (by its server, or through the browser), the application
 * called `oidc.logins.end()`, or the provider refused to refresh its tokens.
 */
export type LogoutReason = 'user' | 'back_channel' | 'front_channel' | 'application' | 'refresh_refused'

/** Why tokens were refreshed: they had ended or were about to, the login was rechecked, or an API refused the access token. */
export type RefreshReason = 'expiry' | 'recheck' | 'rejected'

/** The events of an instance and what they carry. None carries a token, a code or a secret. */
export interface OidcEvents {
  /**
   * A browser is sent to the provider to log in. `prompt` is that of the request, where it has one; `attempt` is 1 where the
   * browser came back without the cookie of its login, and is sent once more.
   */
  login_begun: OidcEventBase & { prompt: string | undefined; attempt: number }
  /** A login was finished. */
  login: OidcEventBase & { issuer: string; sub: string; loginId: string }
  /** A login could not be finished. */
  login_failed: OidcEventBase & { code: string; status: number; detail: string | undefined }
  /** A login was ended. */
  logout: OidcEventBase & { issuer: string; sub: string; loginId: string; reason: LogoutReason }
  /** The tokens of a login were refreshed. */
  refresh: OidcEventBase & {
    issuer: string
    sub: string
    loginId: string
    reason: RefreshReason
    /** Milliseconds that it took, with the store. */
    durationMs: number
  }
  /** The tokens of a login could not be refreshed. The login stays, unless a `logout` of the reason `refresh_refused` follows. */
  refresh_failed: OidcEventBase & {
    sub: string
    loginId: string
    reason: RefreshReason
    code: string
    status: number
    detail: string | undefined
  }
  /** A guard refused a request. */
  denied: OidcEventBase & { code: string; status: number; sub: string | undefined; detail: string | undefined }
  /** A guard refused an access token as malformed or not good; `detail` says why. */
  token_rejected: OidcEventBase & { code: string; status: number; detail: string | undefined }
  /** The session store or the records failed. */
  store_fault: OidcEventBase & { detail: string | undefined }
  /** The provider failed; a login or a refresh of its metadata or keys could not go on. */
  provider_fault: OidcEventBase & { detail: string | undefined }
}

/** The name of an event. */
export type OidcEventName = keyof OidcEvents

/** A listener of one event. */
export type OidcListener<Name extends OidcEventName> = (event: Readonly<OidcEvents[Name]>) => void

/**
 * The channels, made at once and kept: on Node 20 the collection of one that nobody keeps takes another of its name along
 * that was made in its place meanwhile, and with it those who have subscribed to that.
 */
const channels: Readonly<Record<OidcEventName, Channel>> = {
  login_begun: channelOf('login_begun'),
  login: channelOf('login'),
  login_failed: channelOf('login_failed'),
  logout: channelOf('logout'),
  refresh: channelOf('refresh'),
  refresh_failed: channelOf('refresh_failed'),
  denied: channelOf('denied'),
  token_rejected: channelOf('token_rejected'),
  store_fault: channelOf('store_fault'),
  provider_fault: channelOf('provider_fault'),
}

function channelOf(name: OidcEventName): Channel {
  return channel(`express-session-oidc:${name}`)
}

/** Emits to listeners and to `node:diagnostics_channel` under `express-session-oidc:<event>`. */
export class Events {
  readonly #provider: string
  readonly #listeners = new Map<OidcEventName, Set<(event: never) => void>>()

  constructor(provider: string) {
    this.#provider = provider
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
    if (!published.hasSubscribers && !listeners?.size) return
    const event = Object.freeze({ provider: this.#provider, at: Date.now(), ...fields })
    published.publish(event)
    for (const listener of listeners ?? []) {
      try {
        const returned = (listener as (event: unknown) => unknown)(event)
        if (returned instanceof Promise) returned.catch((error: unknown) => listenerFailed(name, error))
      } catch (error) {
        listenerFailed(name, error)
      }
    }
  }
}

/** A log that fails must not fail a login. */
function listenerFailed(name: string, error: unknown): void {
  process.emitWarning(`a listener of the event '${name}' threw: ${error instanceof Error ? error.name : 'error'}`, {
    code: 'OIDC_LISTENER_FAILED',
  })
}
