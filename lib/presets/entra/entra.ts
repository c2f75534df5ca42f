import type { UnknownClaims } from '../../config/claims.ts'
import { Checks, optionsInvalid } from '../../config/checks.ts'
import { entraAuthority, type EntraAuthority } from './entra-authority.ts'
import { groupsFault, groupsOf } from './entra-groups.ts'
import { entraCodeScope } from './entra-scope.ts'
import { applicationFault, b2cFault, keyFault, userFault } from './entra-tokens.ts'
import type { IssuerRules, TokenContext } from '../../config/issuer-rules.ts'

/** Options of {@link entra}. */
export interface EntraOptions {
  /**
   * Whose users log in and whose tokens are accepted. The ID of a tenant, which is a GUID, not a domain: tokens name no
   * domain; or a closed list of such. Or `organizations` (any work or school account), `consumers` (any personal
   * account), `common` (both), which need `allow`. A list and the words need a registration for several tenants.
   */
  tenant: string | readonly string[]
  /**
   * Who is let in, of those who passed all other checks: from the claims of the ID token at a login, of the access token
   * at an API. Only `true` lets in. A customer of several tenants is `tid`, a user `tid` and `oid` together; a guest in the
   * tenant has an `idp`. Required with `organizations`, `common` and `consumers`. At an API its answer is kept for
   * `rememberSeconds`. Default: whoever the tenant lets in, guests too.
   */
  allow?: ((claims: UnknownClaims) => boolean | Promise<boolean>) | undefined
  /** The cloud: `global` (default), `us` (US Government) or `china` (operated by 21Vianet). */
  cloud?: 'global' | 'us' | 'china' | undefined
  /**
   * An external tenant (Entra External ID), by the name before `.ciamlogin.com`, or its custom domain
   * (`login.example.com`). With one `tenant`. Its APIs must ask for tokens of version 2.
   */
  externalId?: string | undefined
  /**
   * An Azure AD B2C tenant, by the name before `.b2clogin.com` or its custom domain, and the user flow or policy. With one
   * `tenant`. Tokens of another policy are refused: an instance or issuer each.
   */
  b2c?: { readonly name: string; readonly policy: string } | undefined
  /**
   * Whether an API takes tokens that an application got for itself, with no user (client credentials). They have `roles`
   * and no scope: a rule of a route that asks for neither lets any application of the tenants in. Default false.
   */
  appTokens?: boolean | undefined
  /**
   * The `groups` of a user who is in too many for a token (over 200), which then only says that there are some: fetch them
   * from Microsoft Graph by `oid`. Gets the access token, of the login or as it was presented, for use with or on behalf of
   * the user. `false`: the application looks at no groups, and `groups` is left out. Default: such a user is refused,
   * rather than taken for one who is in no groups.
   */
  groups?:
    false | ((claims: UnknownClaims, accessToken: string) => readonly string[] | Promise<readonly string[]>) | undefined
}

/** What {@link entra} gives, for `createOidc` and `createBearer` alike. */
export interface EntraSettings extends IssuerRules {
  issuer: string
  tokenIssuer: NonNullable<IssuerRules['tokenIssuer']>
  accept: NonNullable<IssuerRules['accept']>
  distributedClaims: NonNullable<IssuerRules['distributedClaims']>
}

/**
 * Options for Microsoft Entra ID, to spread into those of `createOidc` and `createBearer`. Tokens of version 1 and 2 are
 * accepted, whose `iss` must be that of their `tid` to the letter; `oid` and `tid` together name a user (`sub` is another
 * in each application). Scopes come from `scp`, roles from `roles`. List both forms of an API's `audience` if its tokens
 * may be of either version: the application's ID (2) and its application ID URI, `api://...` (1).
 *
 * @throws OidcError `options_invalid`
 */
export function entra(options: EntraOptions): EntraSettings {
  const checks = new Checks(options, 'the options of entra()', [
    'tenant',
    'allow',
    'cloud',
    'externalId',
    'b2c',
    'appTokens',
    'groups',
  ])
  const authority = entraAuthority(checks)
  const allow = checks.function<NonNullable<EntraOptions['allow']>>('allow')
  const appTokens = checks.boolean('appTokens', false)
  const groups =
    checks.value('groups') === false
      ? false
      : checks.function<Exclude<NonNullable<EntraOptions['groups']>, false>>('groups')
  if (authority.isOpen && checks.value('allow') === undefined) {
    checks.fault(
      "allow is missing: with this tenant anyone in the world can have an account; say who is let in, for example allow: ({ tid }) => customers.has(tid), or list the tenants' IDs",
    )
  }
  if (authority.policy !== undefined && appTokens) {
    checks.fault('appTokens cannot be had with b2c: its tokens do not say whose they are')
  }
  if (checks.faults.length > 0) throw optionsInvalid('entra()', checks.faults)
  return {
    issuer: authority.issuer,
    ...(authority.metadataIssuer !== authority.issuer && { metadataIssuer: authority.metadataIssuer }),
    tokenIssuer: authority.tokenIssuer,
    async accept(claims, context) {
      const fault = tokenFault(claims, context, authority, appTokens) ?? groupsFault(claims, groups)
      if (fault !== undefined) return fault
      if (!allow) return true
      const verdict: unknown = await allow(claims)
      if (verdict === true) return true
      const who = `the user ${text(claims['oid'])} of the tenant ${text(claims['tid'])}`
      return verdict === false ? `allow said no to ${who}` : `allow gave no boolean for ${who}: only true lets in`
    },
    distributedClaims: (claims, accessToken) => groupsOf(claims, groups, accessToken),
    codeScope: entraCodeScope,
  }
}

/** Why a token is refused whatever the application says of its user. */
function tokenFault(
  claims: UnknownClaims,
  context: TokenContext,
  { tenantFault, policy, hasTenantKeys }: EntraAuthority,
  appTokens: boolean,
): string | undefined {
  const application = context.token === 'access' ? applicationFault(claims, appTokens) : undefined
  if (policy !== undefined) return tenantFault(claims) ?? b2cFault(claims, policy) ?? application
  return (
    tenantFault(claims) ??
    userFault(claims) ??
    (hasTenantKeys ? keyFault(claims, context.keys) : undefined) ??
    application
  )
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 100) : 'that it does not name'
}
