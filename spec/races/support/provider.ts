/** A provider without a server: the user whom a code names has logged in. It counts how often each code is exchanged. */
import { createHash, randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey as JoseKey, type JWK } from 'jose'
import type { OidcOptions, OidcProviderMetadata } from 'express-session-oidc'
import { done, turn } from './actors.ts'
import { getSid, type Told } from './ops.ts'
import { RefreshTokens } from './refresh-tokens.ts'
import type { Gate } from '../../support/gate.ts'

/** What a code represents. */
interface Grant {
  readonly sub: string
  /** The session at this provider, if it names one. */
  readonly sid: string | undefined
  /** When the user logged in, in seconds. */
  readonly at: number
  readonly nonce: string
  readonly clientId: string
  readonly challenge: string
}

/** A late logout ended the session this long before it is delivered: before all the logins. */
const lateSeconds = 300

/** Lifetimes of access tokens in seconds. The token of a login is due at its first use, that of a refresh is not. */
const lives = { login: 1, refresh: 300 }

export class RaceProvider {
  readonly issuer: string
  /** How often each code was sent to the token endpoint. */
  readonly exchanges = new Map<string, number>()
  readonly refreshTokens = new RefreshTokens()
  /** Where the response to the next refresh waits. */
  hold: Gate | undefined
  readonly #key: JoseKey
  readonly #jwk: JWK
  readonly #grants = new Map<string, Grant>()
  /** Token responses by code, so that prepared logins get the same tokens in every run. */
  readonly #answers = new Map<string, string>()

  static async create(issuer: string): Promise<RaceProvider> {
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
    return new RaceProvider(issuer, privateKey, { ...(await exportJWK(publicKey)), alg: 'RS256', use: 'sig', kid: '1' })
  }

  private constructor(issuer: string, key: JoseKey, jwk: JWK) {
    this.issuer = issuer
    this.#key = key
    this.#jwk = jwk
  }

  /** Options to spread into those of `createOidc`. */
  settings(
    clientId: string,
  ): Pick<OidcOptions, 'clientId' | 'clientSecret' | 'fetch'> & { issuer: OidcProviderMetadata } {
    return {
      issuer: {
        issuer: this.issuer,
        authorization_endpoint: `${this.issuer}/authorize`,
        token_endpoint: `${this.issuer}/token`,
        revocation_endpoint: `${this.issuer}/revoke`,
        jwks_uri: `${this.issuer}/jwks`,
        end_session_endpoint: `${this.issuer}/end`,
        id_token_signing_alg_values_supported: ['RS256'],
      },
      clientId,
      clientSecret: `the secret of ${clientId}`,
      fetch: (url, init) => this.#answer(url instanceof Request ? url.url : String(url), init),
    }
  }

  /** Forgets what has happened since the logins were prepared. */
  restart(): void {
    this.exchanges.clear()
    this.refreshTokens.restart()
    this.hold = undefined
  }

  /** The authorization response to a request, as a path of the application: `sub` has logged in. */
  authorize(authorization: string, sub: string, sid?: string): string {
    const requested = new URL(authorization).searchParams
    const get = (name: string): string => requested.get(name) ?? ''
    const code = randomUUID()
    const at = Math.floor(Date.now() / 1000)
    const grant = { sub, sid, nonce: get('nonce'), clientId: get('client_id'), challenge: get('code_challenge'), at }
    this.#grants.set(code, grant)
    const back = new URL(get('redirect_uri'))
    back.search = new URLSearchParams({ code, state: get('state') }).toString()
    return back.pathname + back.search
  }

  /** A logout token for one session of a user, or for all. */
  logoutToken(reported: Told): Promise<string> {
    const { name, sub, session, isLate } = reported
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
    const iat = Math.floor(Date.now() / 1000) - (isLate ? lateSeconds : 0)
    const who = session === undefined ? { sub } : { sub, sid: getSid(reported, session) }
    const jti = JSON.stringify(reported)
    return new SignJWT({ iss: this.issuer, aud: name, iat, exp: iat + lateSeconds + 120, jti, events, ...who })
      .setProtectedHeader({ alg: 'RS256', kid: '1', typ: 'logout+jwt' })
      .sign(this.#key)
  }

  async #answer(url: string, init: RequestInit | undefined): Promise<Response> {
    if (url === `${this.issuer}/jwks`) return Response.json({ keys: [this.#jwk] })
    const form = new URLSearchParams(await new Response(init?.body ?? '').text())
    if (url === `${this.issuer}/revoke`) return await this.#revoke(form)
    if (url !== `${this.issuer}/token`) return Response.json({}, { status: 404 })
    return form.get('grant_type') === 'refresh_token' ? await this.#refresh(form) : await this.#exchange(form)
  }

  async #exchange(form: URLSearchParams): Promise<Response> {
    await turn('code exchange')
    const code = form.get('code') ?? ''
    const times = (this.exchanges.get(code) ?? 0) + 1
    this.exchanges.set(code, times)
    done('code exchange')
    const grant = this.#grants.get(code)
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url')
    const answer = times === 1 && grant?.challenge === challenge ? await this.#tokens(code, grant) : undefined
    await turn('answer to code exchange')
    return getResponse(answer)
  }

  async #refresh(form: URLSearchParams): Promise<Response> {
    await turn('refresh')
    const { next, cut } = this.refreshTokens.present(form.get('refresh_token') ?? '')
    done(next ? 'refresh' : 'refresh: refused')
    const answer = next && (await this.#response(next.family, next.token, lives.refresh))
    const { hold } = this
    this.hold = undefined
    await hold?.pass()
    await turn('answer to refresh')
    if (cut) throw new TypeError('fetch failed')
    return getResponse(answer)
  }

  async #revoke(form: URLSearchParams): Promise<Response> {
    await turn('revocation')
    this.refreshTokens.revoke(form.get('token') ?? '')
    done('revocation')
    await turn('answer to revocation')
    return new Response()
  }

  async #tokens(code: string, grant: Grant): Promise<string> {
    const known = this.#answers.get(code)
    if (known !== undefined) return known
    const { family, token } = this.refreshTokens.issue(grant.clientId, grant.sub)
    // Issued when the user logged in: the response is the same in all scenes, and a later scene may have requested it
    // first.
    const user = { ...family, nonce: grant.nonce, sid: grant.sid, iat: grant.at }
    const answer = await this.#response(user, token, lives.login)
    this.#answers.set(code, answer)
    return answer
  }

  async #response(
    user: { clientId: string; sub: string; nonce?: string; sid?: string | undefined; iat?: number },
    refreshToken: string,
    seconds: number,
  ): Promise<string> {
    const { clientId, sub, nonce, sid, iat = Math.floor(Date.now() / 1000) } = user
    const claims = { iss: this.issuer, sub, aud: clientId, iat, exp: iat + 3600, nonce, sid }
    const idToken = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: '1' }).sign(this.#key)
    return JSON.stringify({
      access_token: `${sub}:${randomUUID()}`,
      token_type: 'Bearer',
      expires_in: seconds,
      id_token: idToken,
      refresh_token: refreshToken,
    })
  }
}

function getResponse(answer: string | undefined): Response {
  return answer === undefined
    ? Response.json({ error: 'invalid_grant' }, { status: 400 })
    : new Response(answer, { headers: { 'content-type': 'application/json' } })
}
