import type { Checks } from './checks.ts'
import type { OidcUnknownClaims } from './claims.ts'
import { findIssuerFault } from './issuer.ts'

/** Details of a token that `accept` receives in addition to its claims. */
export interface OidcTokenContext {
  /** Kind of the token: `id` is the ID token of a login, `access` an access token that was presented to an API. */
  readonly token: 'id' | 'access'
  /**
   * Published keys of the provider with the token's `kid`, with all their members: usually one. Empty if the token was
   * introspected (RFC 7662), or has no `kid`.
   */
  readonly keys: readonly OidcUnknownClaims[]
}

/**
 * Rules for the tokens of an issuer: how the tokens deviate from the specifications, and which of them are accepted. The
 * rules are part of a provider, and no other option replaces them. In the examples below, `options` stands for the other
 * options.
 */
export interface OidcIssuerRules {
  /**
   * The `issuer` in the provider's metadata, if it differs from the option `issuer`, which then only locates the metadata.
   * It is compared exactly, including a placeholder such as Entra's `{tenantid}`. Requires `tokenIssuer`.
   * @default `issuer`
   * @see https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationValidation
   * @example customProvider({ ...options, metadataIssuer: 'https://id.example.com/{tenantid}', tokenIssuer })
   */
  metadataIssuer?: string | undefined
  /**
   * Returns the `iss` that a token with these claims must have, or a list of accepted ones; undefined rejects the token.
   * With several issuers, this function also selects the issuer, from claims that are not verified yet. If it throws, the
   * response is 500 (`hook_failed`).
   * @default `issuer`
   * @see https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
   * @example customProvider({ ...options, tokenIssuer: ({ tid }) => `https://id.example.com/${String(tid)}` })
   */
  tokenIssuer?: ((claims: OidcUnknownClaims) => string | readonly string[] | undefined) | undefined
  /**
   * Decides whether to accept a token whose signature and standard claims are valid. Only `true` accepts it. A string
   * rejects it, and is the reason in the log. A rejected login gets `login_refused` (403), a rejected access token gets
   * `token_invalid` (401). If the function throws, the response is 500 (`hook_failed`).
   * @default every valid token is accepted
   * @example
   * const accept = ({ email_verified }) => email_verified === true || 'email is not verified'
   * const provider = customProvider({ ...options, accept })
   */
  accept?:
    ((claims: OidcUnknownClaims, context: OidcTokenContext) => boolean | string | Promise<boolean | string>) | undefined
  /**
   * Returns claims that a token refers to but does not contain. They replace claims of the same name; `undefined` removes a
   * claim. `accessToken` is the access token of the login, or the one that was presented. If the function throws, the
   * response is 500 (`hook_failed`).
   * @default no further claims
   * @see https://openid.net/specs/openid-connect-core-1_0.html#AggregatedDistributedClaims
   * @example
   * const distributedClaims = async (claims, accessToken) => ({ groups: await fetchGroups(accessToken) })
   * const provider = customProvider({ ...options, distributedClaims })
   */
  distributedClaims?:
    ((claims: OidcUnknownClaims, accessToken: string) => OidcUnknownClaims | Promise<OidcUnknownClaims>) | undefined
  /**
   * Returns the part of the requested scope that is sent with the authorization code, for providers that issue an access
   * token for one API at a time. The rest of the requested scope still counts as granted. `undefined` sends no scope.
   * @default no scope is sent (RFC 6749, section 4.1.3)
   * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3
   * @example customProvider({ ...options, codeScope: (requested) => requested.filter((scope) => !scope.includes('/')) })
   */
  codeScope?: ((requested: readonly string[]) => readonly string[] | undefined) | undefined
}

/** Names of the rules in {@link OidcIssuerRules}. */
export const issuerRules: readonly (keyof OidcIssuerRules)[] = [
  'metadataIssuer',
  'tokenIssuer',
  'accept',
  'distributedClaims',
  'codeScope',
]

/** Placeholder in a `metadataIssuer` for the tenant, which differs from token to token. */
export const tenantTemplate = '{tenantid}'

/** Validates the rules among the settings of a provider; returns undefined if there are none. */
export function readIssuerRules(checks: Checks, allowInsecure: boolean): OidcIssuerRules | undefined {
  if (issuerRules.every((name) => checks.value(name) === undefined)) return undefined
  const metadataIssuer = checks.value('metadataIssuer')
  if (metadataIssuer !== undefined) {
    const given = typeof metadataIssuer === 'string' ? metadataIssuer.replace(tenantTemplate, 'tenant') : metadataIssuer
    const fault = findIssuerFault(given, allowInsecure, '`metadataIssuer`')
    if (fault) checks.fault(fault)
    if (checks.value('tokenIssuer') === undefined) {
      checks.fault('`metadataIssuer` requires `tokenIssuer`; pass a function that returns the `iss` of the tokens')
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
