import type { UnknownClaims } from '../config/claims.ts'
import type { ResolvedIntrospection } from '../config/resolve-introspection.ts'
import { Flights } from '../core/single-flight.ts'
import { TokenRejected } from '../tokens/token-rejected.ts'
import { checkAnsweredClaims, type PresentedTokenChecks } from '../tokens/presented-token.ts'

/** Asks an issuer about a token: its claims, or undefined where it is not active (RFC 7662 2.2). */
export type AskIssuer = (token: string) => Promise<UnknownClaims | undefined>

/** An issuer that is asked about tokens: once at a time for each, whoever presents it meanwhile. */
export class Introspection {
  readonly settings: ResolvedIntrospection
  readonly #ask: AskIssuer
  readonly #asked = new Flights<UnknownClaims>()

  constructor(settings: ResolvedIntrospection, ask: AskIssuer) {
    this.settings = settings
    this.#ask = ask
  }

  /**
   * What the issuer says of a token, checked as if it stood in the token.
   *
   * @throws TokenRejected, OidcError `provider_unavailable`, `client_rejected`
   */
  claims(token: string, checks: PresentedTokenChecks): Promise<UnknownClaims> {
    return this.#asked.run(token, () => this.#fetch(token, checks))
  }

  async #fetch(token: string, checks: PresentedTokenChecks): Promise<UnknownClaims> {
    const answer = await this.#ask(token)
    // Of a token that is not for the client that asks, Keycloak says no more than of one that was revoked.
    if (!answer) {
      throw new TokenRejected(
        'its issuer says that it is not active: it was revoked, has ended, or is not for the client that asks (in Keycloak that client must be in its aud, by an Audience mapper in a client scope)',
      )
    }
    checkAnsweredClaims(answer, checks)
    return answer
  }
}
