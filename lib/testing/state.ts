import type { FaultStack } from './fault-stack.ts'
import type { KeyRing } from './keys.ts'
import type { ProviderSettings } from './options.ts'

/** A user's session at the provider: single sign-on for one browser. */
export interface ProviderSession {
  /** The value of the browser's cookie. */
  readonly id: string
  readonly sid: string
  readonly sub: string
  /** The time of the user's last authentication, in seconds since 1970. */
  authTime: number
  acr: string
  /** The clients that the user has logged in to with this session. */
  readonly clients: Set<string>
  ended: boolean
}

/** A user's permission for a client. All tokens of one login depend on it. */
export interface Grant {
  readonly session: ProviderSession
  readonly clientId: string
  readonly scope: readonly string[]
  readonly resource: readonly string[]
  readonly nonce: string | undefined
  /** Copied from the session, like `acr`: a later authentication does not strengthen an earlier login (OIDC Core 12.2). */
  readonly authTime: number
  readonly acr: string
  revoked: boolean
}

export interface AuthorizationCode {
  readonly grant: Grant
  /** The thumbprint of the key that the code is bound to (RFC 9449 section 10). */
  readonly jkt: string | undefined
  readonly redirectUri: string
  readonly challenge: string | undefined
  /** In milliseconds since 1970, like all expiries here. */
  readonly expiresAt: number
  used: boolean
}

export interface RefreshToken {
  readonly grant: Grant
  /** The thumbprint of the key that the token is bound to. Only tokens of public clients are bound (RFC 9449 section 5). */
  readonly jkt: string | undefined
  spent: boolean
}

export interface AccessToken {
  readonly grant: Grant
  readonly scope: readonly string[]
  readonly audience: unknown
  readonly jkt: string | undefined
  readonly issuedAt: number
  readonly expiresAt: number
  revoked: boolean
}

/** A stored authorization request that waits for the user at the login page, or for the browser after a push. */
export interface WaitingRequest {
  readonly parameters: URLSearchParams
  readonly clientId: string
  readonly expiresAt: number
}

/** The state of the provider, shared by its endpoints. */
export interface ProviderState {
  readonly settings: ProviderSettings
  readonly faults: FaultStack
  readonly keys: KeyRing
  readonly sessions: Map<string, ProviderSession>
  readonly codes: Map<string, AuthorizationCode>
  readonly refreshTokens: Map<string, RefreshToken>
  readonly accessTokens: Map<string, AccessToken>
  readonly pushed: Map<string, WaitingRequest>
  readonly atLoginPage: Map<string, WaitingRequest>
  /** DPoP proofs that were used. */
  readonly proofs: Map<string, { readonly expiresAt: number }>
  /** The valid nonces for DPoP proofs, latest first. */
  readonly dpopNonces: string[]
  readonly disabled: Set<string>
  readonly denials: { error: string; description: string | undefined }[]
  /** The scope that users grant; undefined for everything that is requested. */
  consent: readonly string[] | undefined
  /** The `sub` of the user at the keyboard. */
  keyboard: string | undefined
  /** Scheme, host and port; empty until the provider listens. */
  origin: string
}

export function newState(settings: ProviderSettings, keys: KeyRing, faults: FaultStack): ProviderState {
  return {
    settings,
    faults,
    keys,
    sessions: new Map(),
    codes: new Map(),
    refreshTokens: new Map(),
    accessTokens: new Map(),
    pushed: new Map(),
    atLoginPage: new Map(),
    proofs: new Map(),
    dpopNonces: [],
    disabled: new Set(),
    denials: [],
    consent: undefined,
    keyboard: undefined,
    origin: '',
  }
}

export function getIssuer(provider: ProviderState): string {
  return provider.origin + provider.settings.path
}

/** The time by the provider's clock in seconds since 1970, as in tokens. */
export function seconds(provider: ProviderState): number {
  return Math.floor(provider.settings.now() / 1000)
}

export function isUsable(provider: ProviderState, session: ProviderSession): boolean {
  return !session.ended && !provider.disabled.has(session.sub)
}

export function isLive(provider: ProviderState, grant: Grant): boolean {
  return !grant.revoked && isUsable(provider, grant.session)
}

/** The access token, unless it is expired, revoked or its session has ended. */
export function activeToken(provider: ProviderState, text: string): AccessToken | undefined {
  const token = provider.accessTokens.get(text)
  const active =
    token !== undefined && !token.revoked && token.expiresAt > provider.settings.now() && isLive(provider, token.grant)
  return active ? token : undefined
}

/** Whether users grant this scope. `openid` is always granted, because it is the login itself. */
export function isConsentedTo({ consent }: ProviderState, scope: string): boolean {
  return consent === undefined || scope === 'openid' || consent.includes(scope)
}

const pruneEvery = 1000

/** Adds an entry, and removes dead ones from time to time, so that memory stays flat in a soak test. */
export function remember<T>(into: Map<string, T>, key: string, entry: T, isDead: (entry: T) => boolean): void {
  if (into.size > 0 && into.size % pruneEvery === 0) {
    for (const [other, old] of into) if (isDead(old)) into.delete(other)
  }
  into.set(key, entry)
}

/** For {@link remember}: whether an entry has expired by the provider's clock. */
export function expired(provider: ProviderState): (entry: { readonly expiresAt: number }) => boolean {
  const now = provider.settings.now()
  return ({ expiresAt }) => expiresAt < now
}
