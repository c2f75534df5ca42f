import { createHash } from 'node:crypto'
import type { OidcUnknownClaims } from '../config/claims.ts'
import type { ResolvedIntrospection } from '../config/resolve-introspection.ts'
import { fail, type OidcError } from '../core/errors.ts'
import { GenerationalCache } from '../core/generational-cache.ts'
import { SingleFlightMap } from '../core/single-flight.ts'
import { TokenRejected } from '../tokens/token-rejected.ts'
import { checkAnsweredClaims, type PresentedTokenChecks } from '../tokens/presented-token.ts'

/**
 * A function that requests the claims of a token from its issuer; they are undefined if the token is not active (RFC 7662,
 * section 2.2).
 */
export type AskIssuer = (token: string) => Promise<OidcUnknownClaims | undefined>

/**
 * Maximum introspections in flight. Tokens that were active at their last introspection have a limit of their own, so that
 * tokens that somebody makes up leave room for them.
 */
const mostInFlight = { unknown: 50, known: 200 }
type Standing = keyof typeof mostInFlight

/** Time for which a token that is not active is rejected without a request (RFC 7662, section 4). */
const inactiveMs = 5000
/** Number of tokens that are known to be active, and of those that are not. */
const mostTokens = 10_000
/** Time for which all rejections beyond the limit share one error, and therefore one event. */
const overloadMs = 30_000

/**
 * Introspection by one issuer. Concurrent requests with the same token share one call, and a limit applies to the calls in
 * flight. Tokens are identified by their hash.
 */
export class Introspection {
  readonly settings: ResolvedIntrospection
  readonly #ask: AskIssuer
  readonly #requests = new SingleFlightMap<OidcUnknownClaims>()
  readonly #inFlight: Record<Standing, number> = { unknown: 0, known: 0 }
  readonly #active = new GenerationalCache<true>(mostTokens)
  /** Tokens that are not active, each with the time until which that holds, by the monotonic clock. */
  readonly #inactive = new GenerationalCache<number>(mostTokens)
  readonly #overloads: Partial<Record<Standing, { readonly error: OidcError; readonly untilMs: number }>> = {}

  constructor(settings: ResolvedIntrospection, ask: AskIssuer) {
    this.settings = settings
    this.#ask = ask
  }

  /**
   * Introspects a token at the issuer, and checks the claims in the response like those of a JWT.
   *
   * @throws TokenRejected, OidcError `provider_unavailable`, `client_rejected`, `provider_response_invalid`
   */
  async claims(token: string, checks: PresentedTokenChecks): Promise<OidcUnknownClaims> {
    const hash = createHash('sha256').update(token).digest('base64')
    if (performance.now() < (this.#inactive.get(hash) ?? 0)) throw notActive()
    return this.#requests.run(hash, () => this.#fetchLimited(hash, token, checks))
  }

  async #fetchLimited(hash: string, token: string, checks: PresentedTokenChecks): Promise<OidcUnknownClaims> {
    const standing = this.#active.get(hash) ? 'known' : 'unknown'
    if (this.#inFlight[standing] >= mostInFlight[standing]) throw this.#findOverload(standing)
    this.#inFlight[standing]++
    try {
      return await this.#fetch(hash, token, checks)
    } finally {
      this.#inFlight[standing]--
    }
  }

  async #fetch(hash: string, token: string, checks: PresentedTokenChecks): Promise<OidcUnknownClaims> {
    const answer = await this.#ask(token)
    if (!answer) {
      this.#active.delete(hash)
      this.#inactive.set(hash, performance.now() + inactiveMs)
      throw notActive()
    }
    checkAnsweredClaims(token, answer, checks)
    this.#active.set(hash, true)
    return answer
  }

  /** Returns the error for a request beyond the limit. An error is reported once, so it stays the same for some time. */
  #findOverload(standing: Standing): OidcError {
    const [now, former] = [performance.now(), this.#overloads[standing]]
    if (former && now < former.untilMs) return former.error
    const error = fail(
      'provider_unavailable',
      `introspection: ${mostInFlight[standing]} requests for ${standing === 'known' ? 'known' : 'new'} tokens are in flight, and no more are sent. ` +
        'Either clients make tokens up, or the provider is slow; limit the requests of a client in front of the application, or set `introspection.cacheSeconds`',
      { retryAfterSeconds: 1, message: 'Too many access tokens are being checked. Please try again in a moment.' },
    )
    this.#overloads[standing] = { error, untilMs: now + overloadMs }
    return error
  }
}

function notActive(): TokenRejected {
  // Keycloak's response is the same for a revoked token and for one whose audience lacks the introspecting client.
  return new TokenRejected(
    'the token is not active: it is expired or revoked, or not for this client. In Keycloak, add the client to aud with an Audience mapper in a client scope',
  )
}
