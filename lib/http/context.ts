import type { NextFunction, Request, Response } from 'express'
import type { StandardClaims, TokenSet, User } from '../config/claims.ts'
import { resolveLoginParameters } from '../config/login-parameters.ts'
import type { LoginParameters, LogoutParameters } from '../config/options.ts'
import { resolveTokenParameters, type AccessTokenParameters } from '../config/token-parameters.ts'
import { OidcError } from '../core/errors.ts'
import { challengeOf, type ChallengeBase } from '../guard/bearer-error.ts'
import type { Instance } from '../logins/instance.ts'
import { readTokens, unreadable, type LoginPlace } from '../logins/kept-tokens.ts'
import { freshToken, type WantedToken } from '../logins/refresh.ts'
import { nameOfTarget } from '../logins/target.ts'
import type { Slot } from '../session/login-record.ts'
import { tokenSetOf, type AccessToken } from '../session/vault.ts'
import type { RequestSession } from '../session/web-session.ts'
import { toldError, type Exchange } from './answers.ts'
import { startLogin } from './login.ts'
import { startLogout } from './logout.ts'
import { slotOf, stateOf, type RequestState } from './request-state.ts'

/** Members of `req.oidc` whether or not somebody is logged in. */
interface ContextBase {
  /** Name of the instance that this is the login of. */
  readonly provider: string
  /** The granted scope; empty where nobody is logged in. */
  readonly scope: readonly string[]
  /** The user's roles; empty where nobody is logged in. */
  readonly roles: readonly string[]
  /** Whether the user has a role. */
  hasRole(role: string): boolean
  /**
   * The tokens of the login, read and opened at each call.
   *
   * @throws OidcError `login_required` (401) where nobody is logged in or the tokens can no longer be opened,
   * `store_unavailable` (503).
   */
  tokens(): Promise<TokenSet>
  /**
   * The access token of the login, for calls to APIs as the user. One that has ended, or is about to, is refreshed first:
   * once, however many requests and processes ask for it.
   *
   * @throws OidcError `login_required` (401) where nobody is logged in, the provider has ended the login, or there is no
   * refresh token and the access token has ended; {@link LoginNeeded} `not_allowed` (403) where the provider does not grant
   * the scope or resource; `provider_unavailable`, `store_unavailable` (503); `setup_invalid` (500) where there is no
   * refresh token to get a token for another scope or resource with; `options_invalid` where a parameter is wrong.
   */
  accessToken(parameters?: AccessTokenParameters): Promise<string>
  /** Begins a login and answers the request. */
  login(parameters?: LoginParameters): Promise<void>
  /** Ends this login, here and at the provider, and answers the request. */
  logout(parameters?: LogoutParameters): Promise<void>
}

/** `req.oidc` where nobody is logged in. */
export interface AnonymousContext extends ContextBase {
  readonly isAuthenticated: false
  readonly user: undefined
}

/** `req.oidc` of a login. */
export interface LoginContext<Claims extends object = StandardClaims> extends ContextBase {
  readonly isAuthenticated: true
  /** The user: claims of the ID token and userinfo. */
  readonly user: User<Claims>
}

/** What `req.oidc` is: a union on `isAuthenticated`. */
export type OidcContext<Claims extends object = StandardClaims> = AnonymousContext | LoginContext<Claims>

declare global {
  // eslint-disable-next-line typescript/no-namespace
  namespace Express {
    interface Request {
      /** The login of this request, put here by `oidc.router`. */
      oidc: OidcContext
    }
  }
}

/** Looks its login up when asked, so that a request that asks nothing pays nothing, and shows no login that has ended. */
class Context implements ContextBase {
  readonly #instance: Instance
  readonly #req: Request
  readonly #res: Response
  readonly #next: NextFunction

  constructor({ instance, req, res, next }: Exchange) {
    this.#instance = instance
    this.#req = req
    this.#res = res
    this.#next = next
  }

  get #slot(): Slot | undefined {
    return slotOf(this.#req, this.#instance)
  }

  get #exchange(): Exchange {
    return { instance: this.#instance, req: this.#req, res: this.#res, next: this.#next }
  }

  get isAuthenticated(): boolean {
    return this.#slot !== undefined
  }

  get user(): Slot['user'] | undefined {
    return this.#slot?.user
  }

  get provider(): string {
    return this.#instance.options.name
  }

  get scope(): readonly string[] {
    return this.#slot?.scope ?? []
  }

  get roles(): readonly string[] {
    return this.#slot?.roles ?? []
  }

  hasRole(role: string): boolean {
    return this.roles.includes(role)
  }

  async tokens(): Promise<TokenSet> {
    const { records, session, slot } = this.#place()
    const tokens = await readTokens(this.#instance, records, session, slot.loginId)
    if (!tokens) throw unreadable(this.#instance)
    return tokenSetOf(tokens)
  }

  async accessToken(parameters: AccessTokenParameters = {}): Promise<string> {
    const { accessToken } = await this.#token(resolveTokenParameters(parameters, 'accessToken()'))
    return accessToken
  }

  #place(): LoginPlace {
    const slot = this.#slot
    const session = stateOf(this.#req)?.session
    if (!slot || !session) throw loginRequired()
    return { records: session.records, session: session.id, slot }
  }

  async #token(wanted: WantedToken): Promise<AccessToken> {
    const place = this.#place()
    try {
      const token = await freshToken(this.#instance, place, wanted)
      if (isNews(token, place.slot, wanted)) await this.#lookAgain(place)
      return token
    } catch (error) {
      if ((error as OidcError).code === 'login_required') await this.#lookAgain(place)
      throw toldError(this.#instance, error)
    }
  }

  /** Roles and scope of this request are from then on those that a refresh brought; or nobody is logged in any more. */
  async #lookAgain({ session }: LoginPlace): Promise<void> {
    const state = stateOf(this.#req) as RequestState
    state.login = await (state.session as RequestSession).readLogin(session).catch(() => state.login)
  }

  async login(parameters: LoginParameters = {}): Promise<void> {
    await startLogin(this.#exchange, resolveLoginParameters(parameters, this.#instance.options.origin))
  }

  async logout(parameters: LogoutParameters = {}): Promise<void> {
    await startLogout(this.#exchange, parameters)
  }
}

/** Whether a token was got since the request has read its login. */
function isNews(token: AccessToken, slot: Slot, { target }: WantedToken): boolean {
  if (nameOfTarget(target) === '') return token.expiresAt !== slot.accessTokenEndsAt
  return !token.scope.every((word) => slot.scope.includes(word))
}

/** The context of an instance for a request. */
export function makeContext(exchange: Exchange): OidcContext {
  return new Context(exchange) as unknown as OidcContext
}

/** Nobody is logged in: 401, with the challenge of a guard of tokens where one would do as well (RFC 9110 15.5.2). */
export function loginRequired(detail?: string, challenge?: ChallengeBase): OidcError {
  const headers = challenge && { 'WWW-Authenticate': challengeOf(challenge) }
  return new OidcError('login_required', 'You need to log in first.', { status: 401, detail, headers })
}
