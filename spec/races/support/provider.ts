/** A provider without a server: whoever a code names has logged in. It counts how often each code was exchanged. */
import { createHash, randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey as JoseKey, type JWK } from 'jose'
import type { OidcOptions } from 'express-session-oidc'
import { done, turn } from './actors.ts'

/** What a code stands for. */
interface Grant {
  readonly sub: string
  readonly nonce: string
  readonly clientId: string
  readonly challenge: string
}

export class RaceProvider {
  readonly issuer: string
  /** How often each code came to the token endpoint. */
  readonly exchanges = new Map<string, number>()
  readonly #key: JoseKey
  readonly #jwk: JWK
  readonly #grants = new Map<string, Grant>()
  /** A code's token response is the same in every run of what was prepared once. */
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

  /** What to spread into the options of `createOidc`. */
  settings(clientId: string): Pick<OidcOptions, 'issuer' | 'clientId' | 'clientSecret' | 'fetch'> {
    return {
      issuer: {
        issuer: this.issuer,
        authorization_endpoint: `${this.issuer}/authorize`,
        token_endpoint: `${this.issuer}/token`,
        jwks_uri: `${this.issuer}/jwks`,
        end_session_endpoint: `${this.issuer}/end`,
        id_token_signing_alg_values_supported: ['RS256'],
      },
      clientId,
      clientSecret: `the secret of ${clientId}`,
      fetch: (url, init) => this.#answer(url instanceof Request ? url.url : String(url), init),
    }
  }

  /** The authorization response to a request, as a path of the application: `sub` has logged in. */
  authorize(authorization: string, sub: string): string {
    const asked = new URL(authorization).searchParams
    const get = (name: string): string => asked.get(name) ?? ''
    const code = randomUUID()
    const grant = { sub, nonce: get('nonce'), clientId: get('client_id'), challenge: get('code_challenge') }
    this.#grants.set(code, grant)
    const back = new URL(get('redirect_uri'))
    back.search = new URLSearchParams({ code, state: get('state') }).toString()
    return back.pathname + back.search
  }

  async #answer(url: string, init: RequestInit | undefined): Promise<Response> {
    if (url === `${this.issuer}/jwks`) return Response.json({ keys: [this.#jwk] })
    if (url !== `${this.issuer}/token`) return Response.json({}, { status: 404 })
    await turn('code exchange')
    const form = new URLSearchParams(await new Response(init?.body ?? '').text())
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
    return answer === undefined
      ? Response.json({ error: 'invalid_grant' }, { status: 400 })
      : new Response(answer, { headers: { 'content-type': 'application/json' } })
  }

  async #tokens(code: string, { sub, nonce, clientId }: Grant): Promise<string> {
    const known = this.#answers.get(code)
    if (known !== undefined) return known
    const now = Math.floor(Date.now() / 1000)
    const idToken = await new SignJWT({ iss: this.issuer, sub, aud: clientId, nonce, iat: now, exp: now + 300 })
      .setProtectedHeader({ alg: 'RS256', kid: '1' })
      .sign(this.#key)
    const answer = JSON.stringify({
      access_token: randomUUID(),
      token_type: 'Bearer',
      expires_in: 300,
      id_token: idToken,
    })
    this.#answers.set(code, answer)
    return answer
  }
}
