import type { Checks } from '../../config/checks.ts'
import type { OidcUnknownClaims } from '../../config/claims.ts'
import { tenantTemplate, type OidcIssuerRules } from '../../config/issuer-rules.ts'

/** Issuer of an application's users, with the rules for its tokens. */
export interface EntraAuthority {
  readonly issuer: string
  readonly metadataIssuer: string
  readonly tokenIssuer: NonNullable<OidcIssuerRules['tokenIssuer']>
  /** Returns why a token is rejected by its tenant; undefined if it is accepted. */
  readonly tenantFault: (claims: OidcUnknownClaims) => string | undefined
  /** Whether anyone can create an account whose tokens are accepted. */
  readonly isOpen: boolean
  /** Whether a published key may be restricted to one tenant. */
  readonly hasTenantKeys: boolean
  /** Policy of a B2C tenant. */
  readonly policy: string | undefined
}

const clouds = {
  global: { login: 'login.microsoftonline.com', v1: 'sts.windows.net' },
  us: { login: 'login.microsoftonline.us', v1: 'sts.windows.net' },
  china: { login: 'login.partner.microsoftonline.cn', v1: 'sts.chinacloudapi.cn' },
} as const

/** Tenant of all personal accounts. */
export const consumersTenant = '9188040d-6c67-4c5b-b112-36a304b66dad'

const words = ['organizations', 'common', 'consumers'] as const
type Word = (typeof words)[number]

const guid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/

/** Whether a claim is a GUID in lower case, as in Entra's tokens. */
export function isGuid(value: unknown): value is string {
  return typeof value === 'string' && guid.test(value)
}

const tenantFix =
  'pass the tenant ID, a GUID, from the Overview page of the Entra admin center. ' +
  "It is also in the `issuer` of https://login.microsoftonline.com/<domain>/v2.0/.well-known/openid-configuration. Alternatives are a list of IDs, or 'organizations', 'common' or 'consumers' with `allow`"

/** Returns the authority that the options name. */
export function readAuthority(checks: Checks): EntraAuthority {
  const tenant = readTenant(checks)
  const cloud = clouds[checks.choice('cloud', ['global', 'us', 'china'], 'global')]
  const externalId = readHost(checks, checks.value('externalId'), 'externalId', 'ciamlogin.com')
  const b2c = readB2c(checks)
  if (externalId !== undefined || b2c !== undefined) {
    const what = b2c ? 'b2c' : 'externalId'
    if (externalId !== undefined && b2c)
      checks.fault('`externalId` and `b2c` are different kinds of tenant; pass only one of them')
    if (checks.value('cloud') !== undefined) checks.fault(`\`cloud\` does not apply to \`${what}\`; remove it`)
    if (!Array.isArray(tenant) || tenant.length !== 1)
      checks.fault(`\`${what}\` requires one tenant; pass exactly one ID as \`tenant\``)
    const [id] = tenant as readonly string[]
    if (b2c) {
      const metadataIssuer = `https://${b2c.host}/${id}/v2.0/`
      return {
        ...makeTenantRules(id as string, metadataIssuer, true),
        issuer: `https://${b2c.host}/${id}/${b2c.policy}/v2.0`,
        policy: b2c.policy,
      }
    }
    return {
      ...makeTenantRules(id as string, `https://${id}.ciamlogin.com/${id}/v2.0`, false),
      issuer: `https://${externalId}/${id}/v2.0`,
    }
  }
  return makeTenantsAuthority(tenant, cloud)
}

/** Returns the rules for one tenant whose tokens have one issuer. Tokens of B2C may lack `tid`. */
function makeTenantRules(id: string, metadataIssuer: string, isB2c: boolean): Omit<EntraAuthority, 'issuer'> {
  const isIt = ({ tid }: OidcUnknownClaims): boolean => tid === id || (isB2c && tid === undefined)
  return {
    metadataIssuer,
    tokenIssuer: (claims) => (isIt(claims) ? metadataIssuer : undefined),
    tenantFault: (claims) => (isIt(claims) ? undefined : describeForeignTenant(claims['tid'])),
    isOpen: false,
    hasTenantKeys: false,
    policy: undefined,
  }
}

function makeTenantsAuthority(
  tenant: Word | readonly string[],
  { login, v1 }: (typeof clouds)[keyof typeof clouds],
): EntraAuthority {
  const host = `https://${login}`
  const isWanted = (tid: unknown): tid is string => {
    if (!isGuid(tid)) return false
    if (typeof tenant !== 'string') return tenant.includes(tid)
    // All tenants share their keys, so only `tid` tells the kinds of accounts apart.
    return tenant === 'common' || (tid === consumersTenant) === (tenant === 'consumers')
  }
  return {
    ...makeAddresses(host, tenant),
    tokenIssuer: ({ tid }) => (isWanted(tid) ? [`${host}/${tid}/v2.0`, `https://${v1}/${tid}/`] : undefined),
    tenantFault: ({ tid }) => (isWanted(tid) ? undefined : describeForeignTenant(tid)),
    isOpen: typeof tenant === 'string',
    hasTenantKeys: true,
    policy: undefined,
  }
}

/** Returns the URL below which the metadata is found, and the issuer in the metadata. */
function makeAddresses(
  host: string,
  tenant: Word | readonly string[],
): Pick<EntraAuthority, 'issuer' | 'metadataIssuer'> {
  if (typeof tenant !== 'string' && tenant.length === 1) {
    const issuer = `${host}/${tenant[0]}/v2.0`
    return { issuer, metadataIssuer: issuer }
  }
  if (tenant === 'consumers') {
    return { issuer: `${host}/consumers/v2.0`, metadataIssuer: `${host}/${consumersTenant}/v2.0` }
  }
  const isPersonalToo = typeof tenant === 'string' ? tenant === 'common' : tenant.includes(consumersTenant)
  const path = isPersonalToo ? 'common' : 'organizations'
  return { issuer: `${host}/${path}/v2.0`, metadataIssuer: `${host}/${tenantTemplate}/v2.0` }
}

function describeForeignTenant(tid: unknown): string {
  if (tid === undefined) return 'tid is missing, so the tenant of the user is unknown; request the scope profile'
  if (!isGuid(tid)) return 'tid is not a tenant ID'
  return `tid ${tid} is not in the option \`tenant\`; add it there to accept its users`
}

function readTenant(checks: Checks): Word | readonly string[] {
  const given = checks.value('tenant')
  if (words.includes(given as Word)) return given as Word
  const list: readonly unknown[] = Array.isArray(given) ? given : [given]
  const ids = list.map((id) => (typeof id === 'string' ? id.toLowerCase() : id))
  if (given === undefined) checks.fault(`\`tenant\` is missing; ${tenantFix}`)
  else if (ids.length === 0) checks.fault(`\`tenant\` is an empty list; ${tenantFix}`)
  else {
    const strange = ids.findIndex((id) => !isGuid(id))
    if (strange >= 0)
      checks.fault(`\`tenant\` has ${JSON.stringify(list[strange])}, which is not a tenant ID; ${tenantFix}`)
    else return [...new Set(ids as string[])]
  }
  return []
}

function readB2c(checks: Checks): { readonly host: string; readonly policy: string } | undefined {
  const given = checks.value('b2c')
  if (given === undefined) return undefined
  const { name, policy } = Object(given) as Record<string, unknown>
  const host = readHost(checks, name ?? null, 'b2c.name', 'b2clogin.com')
  if (typeof policy === 'string' && /^[\w-]+$/.test(policy)) return { host: host ?? '', policy }
  checks.fault("`b2c.policy` must be the name of a user flow or policy, such as 'B2C_1_signin'")
  return { host: host ?? '', policy: '' }
}

/** Returns the host of a tenant, given as its first label below a domain of Microsoft, or as a custom domain. */
function readHost(checks: Checks, given: unknown, what: string, domain: string): string | undefined {
  if (given === undefined) return undefined
  if (typeof given === 'string' && /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i.test(given) && !given.includes('..')) {
    const host = given.toLowerCase()
    return host.includes('.') ? host : `${host}.${domain}`
  }
  checks.fault(`\`${what}\` must be the name before .${domain}, or a custom domain, without https:// and path`)
  return undefined
}
