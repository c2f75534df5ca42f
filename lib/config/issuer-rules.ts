import type { Checks } from './checks.ts'
import type { UnknownClaims } from './claims.ts'
import { issuerFault } from './issuer.ts'

/** What is known of a token beside its claims. */
export interface TokenContext {
  /** `id`: the ID token of a login. `access`: a token that was presented to an API. */
  readonly token: 'id' | 'access'
  /**
   * The provider's published keys that have the token's `kid`, with all their members: commonly one. None where its
   * issuer was asked about the token instead (RFC 7662).
   */
  readonly keys: readonly UnknownClaims[]
}

/** What an issuer's tokens are like where they are not as the specifications have it, and which of them are wanted. */
export interface IssuerRules {
  /**
   * What the provider's metadata say its issuer is, where that is not `issuer`: Entra's for several tenants has
   * `{tenantid}` in it. It is compared to the letter, and `issuer` then only says where the metadata are. Needs
   * `tokenIssuer`. Default: `issuer` (OIDC Discovery 4.3).
   */
  metadataIssuer?: string | undefined
  /**
   * The `iss` that a token with these claims must have, or a list of those that it may have; undefined where there is
   * none. With several issuers it also chooses among them, from claims that are not verified yet. Default: `issuer`.
   */
  tokenIssuer?: ((claims: UnknownClaims) => string | readonly string[] | undefined) | undefined
  /**
   * Whether a token is accepted whose signature and standard claims are good: `true` accepts it, and nothing else does.
   * A text says why not, for the log. A login is then refused with `login_refused` (403), a presented token with
   * `token_invalid` (401). Default: all are accepted.
   */
  accept?: ((claims: UnknownClaims, context: TokenContext) => boolean | string | Promise<boolean | string>) | undefined
  /**
   * Claims that a token refers to rather than has (OIDC Core 5.6.2), which are then taken as if they were in it, in place
   * of its own of the same name; one that is undefined is removed. It gets the access token, of the login or as it was
   * presented. Default: none.
   */
  distributedClaims?:
    ((claims: UnknownClaims, accessToken: string) => UnknownClaims | Promise<UnknownClaims>) | undefined
  /**
   * The scope to exchange an authorization code with, of what was asked for; what is left out of it counts as granted all
   * the same. For providers that issue a token for one API at a time; undefined: none is sent, as RFC 6749 4.1.3 has it.
   * Default: none.
   */
  codeScope?: ((asked: readonly string[]) => readonly string[] | undefined) | undefined
}

/** The names of these options. */
export const issuerRules: readonly (keyof IssuerRules)[] = [
  'metadataIssuer',
  'tokenIssuer',
  'accept',
  'distributedClaims',
  'codeScope',
]

/** Stands in a `metadataIssuer` for what is different in each token. */
export const tenantTemplate = '{tenantid}'

/** Validates the rules among an object's options; undefined where there are none. */
export function issuerRulesOf(checks: Checks, allowInsecure: boolean): IssuerRules | undefined {
  if (issuerRules.every((name) => checks.value(name) === undefined)) return undefined
  const metadataIssuer = checks.value('metadataIssuer')
  if (metadataIssuer !== undefined) {
    const given = typeof metadataIssuer === 'string' ? metadataIssuer.replace(tenantTemplate, 'tenant') : metadataIssuer
    const fault = issuerFault(given, allowInsecure, 'metadataIssuer')
    if (fault) checks.fault(fault)
    if (checks.value('tokenIssuer') === undefined) {
      checks.fault('metadataIssuer needs tokenIssuer, which says what iss the tokens have')
    }
  }
  return {
    metadataIssuer: metadataIssuer as string | undefined,
    tokenIssuer: checks.function('tokenIssuer'),
    accept: checks.function('accept'),
    distributedClaims: checks.function('distributedClaims'),
    codeScope: checks.function('codeScope'),
  }
}

/** The rules among the options of a guard, as they were given, for its one issuer; a fault where it has several. */
export function rulesOfOneIssuer(checks: Checks, isOne: boolean): IssuerRules {
  const given = issuerRules.filter((name) => checks.value(name) !== undefined)
  if (!isOne && given.length > 0) {
    checks.fault(
      `${given.join(', ')}: give them with the issuer that they are of: issuer: [{ issuer, ${given.join(', ')} }]`,
    )
    return {}
  }
  return Object.fromEntries(given.map((name) => [name, checks.value(name)]))
}
