import type { OidcUnknownClaims } from '../config/claims.ts'
import type { ResolvedIntrospection } from '../config/resolve-introspection.ts'
import { SingleFlightMap } from '../core/single-flight.ts'
import { TokenRejected } from '../tokens/token-rejected.ts'
import { checkAnsweredClaims, type PresentedTokenChecks } from '../tokens/presented-token.ts'

/**
 * A function that requests the claims of a token from its issuer; they are undefined if the token is not active (RFC 7662,
 * section 2.2).
 */
export type AskIssuer = (token: string) => Promise<OidcUnknownClaims | undefined>

/** Introspection by one issuer. Concurrent requests with the same token share one call. */
export class Introspection {
  readonly settings: ResolvedIntrospection
  readonly #ask: AskIssuer
  readonly #requests = new SingleFlightMap<OidcUnknownClaims>()

  constructor(settings: ResolvedIntrospection, ask: AskIssuer) {
    this.settings = settings
    this.#ask = ask
  }

  /**
   * Introspects a token at the issuer, and checks the claims in the response like those of a JWT.
   *
   * @throws TokenRejected, OidcError `provider_unavailable`, `client_rejected`, `provider_response_invalid`
   */
  claims(token: string, checks: PresentedTokenChecks): Promise<OidcUnknownClaims> {
    return this.#requests.run(token, () => this.#fetch(token, checks))
  }

  async #fetch(token: string, checks: PresentedTokenChecks): Promise<OidcUnknownClaims> {
    const answer = await this.#ask(token)
    // Keycloak's response is the same for a revoked token and for one whose audience lacks the introspecting client.
    if (!answer) {
      throw new TokenRejected(
        'the token is not active: it is expired or revoked, or not for this client. In Keycloak, add the client to aud with an Audience mapper in a client scope',
      )
    }
    checkAnsweredClaims(token, answer, checks)
    return answer
  }
}
