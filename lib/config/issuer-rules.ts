import type { Checks } from './checks.ts'
import type { OidcUnknownClaims } from './claims.ts'
import { findIssuerFault } from './issuer.ts'

/** A token, as `accept` gets it beside its claims. */
export interface OidcTokenContext {
  /** Kind of the token: `id` is the ID token of a login, `access` an access token that was presented to an API. */
  readonly token: 'id' | 'access'
  /**
   * Published keys of the provider with the token's `kid`, with all their members: usually one. Empty if the issuer was
   * asked about the token (RFC 7662), or if the token has no `kid`.
   */
  readonly keys: readonly OidcUnknownClaims[]
}

/**
 * Rules for the tokens of an issuer: how they deviate from the specifications, and which of them are accepted. They are
 * part of a provider; no option beside `provider` replaces one. In the examples, `options` are the other options.
 */
export interface OidcIssuerRules {
  /**
   * The `issuer` in the provider's metadata, if it differs from `issuer`, which then only locates the metadata.
   * It is compared exactly, also with a placeholder such as Entra's `{tenantid}`. Requires `tokenIssuer`.
   * @default `issuer`
   * @see https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationValidation
   * @example customProvider({ ...options, metadataIssuer: 'https://id.example.com/{tenantid}', tokenIssuer })
   */
  metadataIssuer?: string | undefined
  /**
   * Returns the `iss` that a token with these claims must have, or a list of accepted ones; undefined rejects the token.
   * With several issuers it also selects the issuer, from claims that are not verified yet. If it throws, the response is
   * 500 (`hook_failed`).
   * @default `issuer`
   * @example customProvider({ ...options, tokenIssuer: ({ tid }) => `https://id.example.com/${String(tid)}` })
   */
  tokenIssuer?: ((claims: OidcUnknownClaims) => string | readonly string[] | undefined) | undefined
  /**
   * Decides about a token whose signature and standard claims are valid. Only `true` accepts it; a string is the reason for
   * the log. A rejected login gets `login_refused` (403), a rejected access token `token_invalid` (401). If it throws, the
   * response is 500 (`hook_failed`).
   * @default every valid token is accepted
   * @example customProvider({ ...options, accept: ({ email_verified }) => email_verified === true || 'email is not verified' })
   */
  accept?:
    ((claims: OidcUnknownClaims, context: OidcTokenContext) => boolean | string | Promise<boolean | string>) | undefined
  /**
   * Returns claims that a token only refers to. They replace claims of the same name; `undefined` removes a claim. The
   * access token is that of the login, or the one that was presented. If it throws, the response is 500 (`hook_failed`).
   * @default no further claims
   * @see https://openid.net/specs/openid-connect-core-1_0.html#AggregatedDistributedClaims
   * @example customProvider({ ...options, distributedClaims: async (claims, token) => ({ groups: await fetchGroups(token) }) })
   */
  distributedClaims?:
    ((claims: OidcUnknownClaims, accessToken: string) => OidcUnknownClaims | Promise<OidcUnknownClaims>) | undefined
  /**
   * Returns the part of the requested scope that is sent with the authorization code, for providers that issue an access
   * token for one API at a time. The rest counts as granted nevertheless. `undefined` sends no scope.
   * @default no scope is sent (RFC 6749, section 4.1.3)
   * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3
   * @example customProvider({ ...options, codeScope: (requested) => requested.filter((scope) => !scope.includes('/')) })
   */
  codeScope?: ((asked: readonly string[]) => readonly string[] | undefined) | undefined
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
