import type { JWK } from 'jose'
import { type Answer, json } from './answer.ts'
import { applyChange, type TestJsonObject } from './change.ts'
import { isTenantId, testTenants } from './entra-options.ts'
import type { EntraAddress, EntraState } from './entra-state.ts'

/** The host names of one Microsoft cloud. */
export interface EntraCloud {
  readonly login: string
  readonly v1: string
  readonly graph: string
  readonly name: string
}

const clouds: readonly EntraCloud[] = [
  {
    login: 'login.microsoftonline.com',
    v1: 'sts.windows.net',
    graph: 'graph.microsoft.com',
    name: 'microsoftonline.com',
  },
  {
    login: 'login.microsoftonline.us',
    v1: 'sts.windows.net',
    graph: 'graph.microsoft.us',
    name: 'microsoftonline.us',
  },
  {
    login: 'login.partner.microsoftonline.cn',
    v1: 'sts.chinacloudapi.cn',
    graph: 'microsoftgraph.chinacloudapi.cn',
    name: 'partner.microsoftonline.cn',
  },
]

/** The fixed host names of all clouds. In addition, each external tenant and each B2C tenant has its own host. */
export const entraHosts: readonly string[] = clouds.flatMap(({ login, graph }) => [login, graph])

export function findCloud(host: string): EntraCloud {
  return clouds.find(({ login }) => login === host) ?? (clouds[0] as EntraCloud)
}

export function isB2c(host: string): boolean {
  return host.endsWith('.b2clogin.com')
}

/** The `iss` of tokens that a host issues for a tenant. */
export function issuerAt(host: string, tid: string, version: 1 | 2): string {
  if (isB2c(host)) return `https://${host}/${tid}/v2.0/`
  if (host.endsWith('.ciamlogin.com')) return `https://${tid}.ciamlogin.com/${tid}/v2.0`
  return version === 1 ? `https://${findCloud(host).v1}/${tid}/` : `https://${host}/${tid}/v2.0`
}

/** The `issuer` in the metadata: a template if the authority serves several tenants. */
function formatIssuer({ host, tenant, version }: EntraAddress): string {
  const known = tenant === 'consumers' ? testTenants.consumers : isTenantId(tenant) ? tenant : '{tenantid}'
  return issuerAt(host, known, version)
}

/** The base URL of an authority's endpoints. With `pages: 'loopback'`, the pages are on loopback. */
function base({ settings, provider }: EntraState, address: EntraAddress, isPage: boolean): string {
  const { host, tenant, policy } = address
  const path = `/${tenant}${policy === undefined ? '' : `/${policy}`}`
  return isPage && settings.pages === 'loopback' ? `${provider.origin}/${host}${path}` : `https://${host}${path}`
}

/** The metadata of Entra for versions 1 and 2 (OIDC Discovery 3). */
export async function entraDiscovery(entra: EntraState, address: EntraAddress): Promise<Answer> {
  const { host, version } = address
  const cloud = findCloud(host)
  const v2 = version === 2 ? '/v2.0' : ''
  const own = base(entra, address, false)
  const pages = base(entra, address, true)
  const metadata: TestJsonObject = {
    token_endpoint: `${own}/oauth2${v2}/token`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
    jwks_uri: `${own}/discovery${v2}/keys`,
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    issuer: formatIssuer(address),
    request_uri_parameter_supported: false,
    authorization_endpoint: `${pages}/oauth2${v2}/authorize`,
    end_session_endpoint: `${pages}/oauth2${v2}/logout`,
    ...(isB2c(host) ? b2cMembers : entraMembers(cloud, own, v2)),
  }
  return json(await applyChange(metadata, entra.faults.metadata), 200, { 'cache-control': 'max-age=86400, private' })
}

const b2cMembers = { claims_supported: ['name', 'oid', 'tfp', 'sub', 'nonce', 'auth_time', 'iss', 'iat', 'exp', 'aud'] }

const claimsSupported =
  'sub iss cloud_instance_name cloud_instance_host_name cloud_graph_host_name msgraph_host aud exp iat auth_time acr nonce ' +
  'preferred_username name tid ver at_hash c_hash email'

function entraMembers(cloud: EntraCloud, own: string, v2: string): TestJsonObject {
  return {
    userinfo_endpoint: `https://${cloud.graph}/oidc/userinfo`,
    device_authorization_endpoint: `${own}/oauth2${v2}/devicecode`,
    http_logout_supported: true,
    frontchannel_logout_supported: true,
    claims_supported: claimsSupported.split(' '),
    kerberos_endpoint: `${own}/kerberos`,
    tenant_region_scope: null,
    cloud_instance_name: cloud.name,
    cloud_graph_host_name: 'graph.windows.net',
    msgraph_host: cloud.graph,
    rbac_url: 'https://pas.windows.net',
  }
}

/** The key set. Keys of version 2 name an issuer; `{tenantid}` means every tenant except that of personal accounts. */
export async function entraJwks(entra: EntraState, { host, tenant, version }: EntraAddress): Promise<Answer> {
  const { organizations, consumers } = entra.keys
  const withIssuer = (published: JWK, tid: string): TestJsonObject => ({
    ...published,
    cloud_instance_name: findCloud(host).name,
    ...(version === 2 && !isB2c(host) ? { issuer: issuerAt(host, tid, 2) } : {}),
  })
  const any = isTenantId(tenant) && tenant !== testTenants.consumers ? tenant : '{tenantid}'
  const keys = [
    withIssuer(organizations.published, any),
    ...(isB2c(host) ? [] : [withIssuer(consumers.published, testTenants.consumers)]),
  ]
  return json(await applyChange({ keys }, entra.faults.jwks), 200, { 'cache-control': 'max-age=86400, private' })
}
