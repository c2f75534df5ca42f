import type { NextFunction, Request, Response } from 'express'
import type { OidcTokenSet, OidcUnknownClaims } from '../../config/claims.ts'
import { resolveLoginParameters } from '../../config/login-parameters.ts'
import type { OidcLogoutParameters } from '../../config/logout-parameters.ts'
import type { OidcLoginParameters } from '../../config/login-parameters.ts'
import {
  resolveExchangeParameters,
  resolveTokenParameters,
  type OidcAccessTokenParameters,
  type OidcExchangeParameters,
} from '../../config/token-parameters.ts'
import { OidcError } from '../../core/errors.ts'
import { restoreDpop } from '../../logins/tokens/dpop.ts'
import { findExchangedToken } from '../../logins/tokens/exchange-token.ts'
import type { Instance } from '../../logins/instance.ts'
import { readTokens, unreadable, type LoginPlace } from '../../logins/tokens/stored-tokens.ts'
import { findFreshToken, type BoundToken, type RequestedToken } from '../../logins/tokens/refresh.ts'
import { formatTargetName, ownTarget } from '../../logins/tokens/target.ts'
import { fetchVerifiedUserInfo } from '../../logins/login/user-info.ts'
import { AccessTokenRefused } from '../../provider/endpoints.ts'
import type { PresentedToken } from '../../provider/protected-resource.ts'
import type { LoginEntry } from '../../store/login-entry.ts'
import { toTokenSet, type AccessToken } from '../../store/tokens.ts'
import type { RequestSession } from '../../session/web-session.ts'
import type { ContextBase, OidcContext } from './context.ts'
import { fetchAsUser } from './fetch.ts'
import { startLogin } from '../routes/login.ts'
import { startLogout } from '../routes/logout.ts'
import { findEntry, getRequestState, type RequestState } from '../request/request-state.ts'
import { reportError } from '../response/report-error.ts'
import type { HandlerContext } from '../request/handler-context.ts'
import { loginRequired } from '../response/login-required.ts'

/** Looks the login up on each access: an unguarded request pays nothing, and a login that has ended is not shown. */
class Context implements ContextBase {
  readonly #instance: Instance
  readonly #req: Request
  readonly #res: Response
  readonly #next: NextFunction

  constructor({ instance, req, res, next }: HandlerContext) {
    this.#instance = instance
    this.#req = req
    this.#res = res
    this.#next = next
  }

  get #entry(): LoginEntry | undefined {
    return findEntry(this.#req, this.#instance)
  }

  get #handler(): HandlerContext {
    return { instance: this.#instance, req: this.#req, res: this.#res, next: this.#next }
  }

  get isAuthenticated(): boolean {
    return this.#entry !== undefined
  }

  get user(): LoginEntry['user'] | undefined {
    return this.#entry?.user
  }

  get loginId(): string | undefined {
    return this.#entry?.loginId
  }

  get provider(): string {
    return this.#instance.options.name
  }

  get scope(): readonly string[] {
    return this.#entry?.scope ?? []
  }

  get roles(): readonly string[] {
    return this.#entry?.roles ?? []
  }

  hasRole(role: string): boolean {
    return this.roles.includes(role)
  }

  async tokens(): Promise<OidcTokenSet> {
    const tokens = await this.#withPlace(readTokens)
    if (!tokens) throw unreadable(this.#instance)
    return toTokenSet(tokens)
  }

  async accessToken(parameters: OidcAccessTokenParameters = {}): Promise<string> {
    const { accessToken } = await this.#token(resolveTokenParameters(parameters, 'accessToken()'))
    return accessToken
  }

  async exchange(parameters: OidcExchangeParameters): Promise<string> {
    const request = resolveExchangeParameters(parameters)
    const exchanged = this.#withPlace((place) => findExchangedToken(this.#instance, place, request))
    const { accessToken } = await exchanged.catch((error: unknown) => {
      const { code, detail } = error as OidcError
      // No other event reports this.
      if (code === 'client_rejected') this.#instance.events.emit('provider_fault', { detail })
      throw error
    })
    return accessToken
  }

  async fetch(
    url: string | URL,
    init: RequestInit = {},
    parameters: OidcAccessTokenParameters = {},
  ): Promise<globalThis.Response> {
    const request = resolveTokenParameters(parameters, 'fetch()')
    const { entry } = this.#place()
    const token = (rejected?: string): Promise<PresentedToken> => this.#present({ ...request, refused: rejected })
    try {
      return await fetchAsUser({ instance: this.#instance, entry, token }, url, init)
    } catch (error) {
      throw error instanceof OidcError ? reportError(this.#instance, error) : error
    }
  }

  async userInfo(): Promise<OidcUnknownClaims> {
    const { entry } = this.#place()
    const user = { iss: entry.issuer, sub: entry.sub }
    const request = { target: ownTarget, minValidSeconds: 30 }
    const token = await this.#present(request)
    try {
      return await fetchVerifiedUserInfo(this.#instance, token, user)
    } catch (error) {
      if (!(error instanceof AccessTokenRefused)) throw reportError(this.#instance, error)
    }
    const refreshed = await this.#present({ ...request, refused: token.accessToken })
    return this.#withPlace(() => fetchVerifiedUserInfo(this.#instance, refreshed, user))
  }

  #place(): LoginPlace {
    const entry = this.#entry
    const session = getRequestState(this.#req)?.session
    if (!entry || !session) throw loginRequired()
    return { logins: this.#instance.loginsIn(session.records), session: session.id, entry }
  }

  async #present(request: RequestedToken): Promise<PresentedToken> {
    const token = await this.#token(request)
    return { accessToken: token.accessToken, dpop: await restoreDpop(this.#instance, token) }
  }

  #token(request: RequestedToken): Promise<BoundToken> {
    return this.#withPlace(async (place) => {
      const token = await findFreshToken(this.#instance, place, request)
      if (isNewer(token, place.entry, request)) await this.#rereadLogin(place)
      return token
    })
  }

  /** Runs `work`. If `work` finds that the login has ended, the request no longer has a login. */
  async #withPlace<Result>(work: (place: LoginPlace) => Promise<Result>): Promise<Result> {
    const place = this.#place()
    try {
      return await work(place)
    } catch (error) {
      if ((error as OidcError).code === 'login_required') await this.#rereadLogin(place)
      throw reportError(this.#instance, error)
    }
  }

  /** Reads the login again after a refresh, which may have changed roles and scope or ended the login. */
  async #rereadLogin({ session }: LoginPlace): Promise<void> {
    const state = getRequestState(this.#req) as RequestState
    state.login = await (state.session as RequestSession).readLogin(session).catch((error: unknown) => {
      reportError(this.#instance, error)
      return state.login
    })
  }

  async login(parameters: OidcLoginParameters = {}): Promise<void> {
    await startLogin(this.#handler, resolveLoginParameters(parameters, this.#instance.options.origin))
  }

  async logout(parameters: OidcLogoutParameters = {}): Promise<void> {
    await startLogout(this.#handler, parameters)
  }
}

/** Whether a token is newer than the login that the request has read. */
function isNewer(token: AccessToken, entry: LoginEntry, { target }: RequestedToken): boolean {
  if (formatTargetName(target) === '') return token.expiresAt !== entry.accessTokenEndsAt
  return !token.scope.every((value) => entry.scope.includes(value))
}

export function makeContext(handler: HandlerContext): OidcContext {
  return new Context(handler) as unknown as OidcContext
}
