import type { OidcUnknownClaims } from '../../config/claims.ts'
import { Checks, optionsInvalid } from '../../config/checks.ts'
import { OidcProvider } from '../../config/oidc-provider.ts'
import { readAuthority, type EntraAuthority } from './entra-authority.ts'
import { findGroupsFault, resolveGroups } from './entra-groups.ts'
import { selectCodeScope } from './entra-scope.ts'
import { findApplicationFault, isApplicationToken, b2cFault, findKeyFault, findUserFault } from './entra-tokens.ts'
import type { OidcTokenContext } from '../../config/issuer-rules.ts'

/** Options of {@link entra}. */
export interface EntraOptions {
  /**
   * Tenants whose users may log in and whose tokens are accepted: a tenant ID or a fixed list of them. A tenant ID is a
   * GUID, because tokens contain no domain. Or one of the words `organizations` (any work or school account), `consumers`
   * (any personal account) and `common` (both), which require `allow`. A list or a word requires a multitenant app
   * registration.
   * @example entra({ tenant: '3f2b6c1e-8a54-4d1b-9c37-5e0f7a2d9b46' })
   */
  tenant: string | readonly string[]
  /**
   * Decides whether to accept a user whose token passed all other checks; only `true` does. The claims are those of the ID
   * token at a login, and those of the access token at an API. `tid` identifies the tenant, `tid` and `oid` together the
   * user; guests have an `idp`. At an API the decision is cached for `cacheSeconds`. Required with `organizations`, `common`
   * and `consumers`.
   * @default every user of the tenants, including guests
   * @example entra({ tenant: 'organizations', allow: ({ tid }) => customers.has(tid) })
   */
  allow?: ((claims: OidcUnknownClaims) => boolean | Promise<boolean>) | undefined
  /**
   * Cloud of the tenants: `global`, `us` (US Government) or `china` (operated by 21Vianet). Not with `externalId` or `b2c`.
   * @default 'global'
   * @example entra({ tenant: '3f2b6c1e-8a54-4d1b-9c37-5e0f7a2d9b46', cloud: 'us' })
   */
  cloud?: 'global' | 'us' | 'china' | undefined
  /**
   * External tenant (Entra External ID): the name before `.ciamlogin.com`, or its custom domain. Requires the ID of one
   * `tenant`. APIs of the tenant must request version 2 access tokens.
   * @default the tenant is a workforce tenant
   * @example entra({ tenant: '3f2b6c1e-8a54-4d1b-9c37-5e0f7a2d9b46', externalId: 'contoso' })
   */
  externalId?: string | undefined
  /**
   * Azure AD B2C tenant: the name before `.b2clogin.com` or its custom domain, and the user flow or policy. Requires the ID
   * of one `tenant`. Tokens of other policies are rejected, so each policy needs its own instance or issuer.
   * @default the tenant is a workforce tenant
   * @example entra({ tenant: '3f2b6c1e-8a54-4d1b-9c37-5e0f7a2d9b46', b2c: { name: 'contoso', policy: 'B2C_1_signin' } })
   */
  b2c?: { readonly name: string; readonly policy: string } | undefined
  /**
   * Whether APIs accept tokens that an application obtained for itself, without a user (client credentials). Such tokens
   * have `roles` and no scope, so any application of the tenants passes a route that requires neither. Not with `b2c`.
   * @default false
   * @see https://www.rfc-editor.org/rfc/rfc6749#section-4.4
   * @example entra({ tenant: '3f2b6c1e-8a54-4d1b-9c37-5e0f7a2d9b46', appTokens: true })
   */
  appTokens?: boolean | undefined
  /**
   * Returns the groups of a user who has too many for a token (over 200). Such a token only indicates that the user has
   * groups: fetch them from Microsoft Graph by `oid`. `accessToken` is the access token of the login, or the one that was
   * presented. Return only groups that the application uses: the user of a login has at most 64 kB of claims, which is about
   * 1600 groups, and loses the largest claims beyond that. `false` removes the claim `groups`, for applications that do not
   * use it.
   * @default such a user is rejected rather than treated as having no groups
   * @see https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference#groups-overage-claim
   * @example entra({ tenant: '3f2b6c1e-8a54-4d1b-9c37-5e0f7a2d9b46', groups: ({ oid }) => fetchGroups(oid) })
   */
  groups?:
    | false
    | ((claims: OidcUnknownClaims, accessToken: string) => readonly string[] | Promise<readonly string[]>)
    | undefined
}

/**
 * Returns the provider of Microsoft Entra ID, for `createOidc` and `createBearer`. Tokens of versions 1 and 2 are accepted
 * if their `iss` is exactly the issuer of their `tid`. `oid` and `tid` together identify a user; `sub` differs in each
 * application. Scope is read from `scp`, roles from `roles`. If an API gets tokens of both versions, list both forms of its
 * `audience`: the application ID for version 2, and the application ID URI, `api://...`, for version 1.
 * @throws OidcError `options_invalid`, which names every fault.
 * @example createOidc({ provider: entra({ tenant: '3f2b6c1e-8a54-4d1b-9c37-5e0f7a2d9b46' }), ...options })
 */
export function entra(options: EntraOptions): OidcProvider {
  const checks = new Checks(options, 'the options of entra()', known)
  const policy = readEntraPolicy(checks)
  if (checks.faults.length > 0) throw optionsInvalid('entra()', checks.faults)
  const { authority, groups } = policy
  const { issuer, metadataIssuer, tokenIssuer } = authority
  return new OidcProvider({
    issuer,
    ...(metadataIssuer !== issuer && { metadataIssuer }),
    tokenIssuer,
    accept: (claims, context) => acceptUser(claims, context, policy),
    distributedClaims: (claims, accessToken) => resolveGroups(claims, groups, accessToken),
    codeScope: selectCodeScope,
    isApplicationToken,
  })
}

/** Validated {@link EntraOptions}. */
interface EntraPolicy extends Pick<EntraOptions, 'allow' | 'groups'> {
  readonly authority: EntraAuthority
  readonly appTokens: boolean
}

const known = [
  'tenant',
  'allow',
  'cloud',
  'externalId',
  'b2c',
  'appTokens',
  'groups',
] as const satisfies readonly (keyof EntraOptions)[]

function readEntraPolicy(checks: Checks): EntraPolicy {
  const authority = readAuthority(checks)
  const policy: EntraPolicy = {
    authority,
    allow: checks.function('allow'),
    appTokens: checks.boolean('appTokens', false),
    groups: checks.value('groups') === false ? false : checks.function('groups'),
  }
  if (authority.isOpen && checks.value('allow') === undefined) {
    checks.fault(
      '`allow` is missing, so this `tenant` would let anyone in; pass a function such as `({ tid }) => customers.has(tid)`, or list tenant IDs',
    )
  }
  if (authority.policy !== undefined && policy.appTokens) {
    checks.fault(
      '`appTokens` is not supported with `b2c`, whose tokens do not identify the application; remove `appTokens`',
    )
  }
  return policy
}

async function acceptUser(
  claims: OidcUnknownClaims,
  context: OidcTokenContext,
  policy: EntraPolicy,
): Promise<true | string> {
  const { authority, appTokens, groups, allow } = policy
  const fault = findEntraTokenFault(claims, context, authority, appTokens) ?? findGroupsFault(claims, groups)
  if (fault !== undefined) return fault
  if (!allow) return true
  const decision: unknown = await allow(claims)
  if (decision === true) return true
  const who = `user ${quote(claims['oid'])} of tenant ${quote(claims['tid'])}`
  return decision === false
    ? `\`allow\` returned false for ${who}`
    : `\`allow\` returned neither true nor false for ${who}; only true accepts the user`
}

/** Returns why a token is rejected before `allow` is called; undefined if it is accepted. */
function findEntraTokenFault(
  claims: OidcUnknownClaims,
  context: OidcTokenContext,
  { tenantFault, policy, hasTenantKeys }: EntraAuthority,
  appTokens: boolean,
): string | undefined {
  const application = context.token === 'access' ? findApplicationFault(claims, appTokens) : undefined
  if (policy !== undefined) return tenantFault(claims) ?? b2cFault(claims, policy) ?? application
  return (
    tenantFault(claims) ??
    findUserFault(claims) ??
    (hasTenantKeys ? findKeyFault(claims, context.keys) : undefined) ??
    application
  )
}

function quote(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 100) : '(not named)'
}
