import { checkMembers, checkOneOf, checkText, checkTexts, fail } from './checks.ts'

/** A client registered at the test provider. */
export interface TestClient {
  /** Any text; what RFC 6749 section 2.3.1 wants encoded is decoded. */
  readonly clientId: string
  /** Absent: a public client, of which PKCE with S256 is insisted upon. */
  readonly clientSecret?: string | undefined
  /** The redirect URIs that are accepted, compared exactly. Default: every loopback URI without a fragment. */
  readonly redirectUris?: readonly string[] | undefined
  /** Where a logout may lead, compared exactly. Default: every loopback URI. */
  readonly postLogoutRedirectUris?: readonly string[] | undefined
  /** Where it is told that a session has ended (OIDC Back-Channel Logout 1.0 section 2.2). Default: nowhere. */
  readonly backchannelLogoutUri?: string | undefined
  /** What a page of the provider frames where a session ends (OIDC Front-Channel Logout 1.0 section 2). Default: nothing. */
  readonly frontchannelLogoutUri?: string | undefined
  /** The only authentication method accepted. Default: `client_secret_basic` and `client_secret_post` alike. */
  readonly authMethod?: 'client_secret_basic' | 'client_secret_post' | undefined
  /** Whether the client may exchange access tokens for others (RFC 8693). Default: where it has a secret. */
  readonly tokenExchange?: boolean | undefined
}

export const defaultClients: readonly TestClient[] = [{ clientId: 'web', clientSecret: 'web-secret' }]

export function checkClients(clients: readonly TestClient[]): Map<string, TestClient> {
  if (!Array.isArray(clients) || clients.length === 0) fail('clients must be a non-empty array')
  const byId = new Map<string, TestClient>()
  for (const [index, client] of (clients as readonly TestClient[]).entries()) {
    const name = `clients[${index}]`
    const members = [
      'clientId',
      'clientSecret',
      'redirectUris',
      'postLogoutRedirectUris',
      'backchannelLogoutUri',
      'frontchannelLogoutUri',
      'authMethod',
      'tokenExchange',
    ]
    checkMembers(client, members, name)
    checkText(client.clientId, `${name}.clientId`)
    if (client.clientSecret !== undefined) checkText(client.clientSecret, `${name}.clientSecret`)
    if (client.redirectUris !== undefined) checkTexts(client.redirectUris, `${name}.redirectUris`)
    if (client.postLogoutRedirectUris !== undefined) {
      checkTexts(client.postLogoutRedirectUris, `${name}.postLogoutRedirectUris`)
    }
    for (const member of ['backchannelLogoutUri', 'frontchannelLogoutUri'] as const) {
      const uri = client[member]
      if (uri !== undefined && !URL.canParse(uri)) fail(`${name}.${member} must be a URL`)
    }
    if (client.authMethod !== undefined) {
      checkOneOf(client.authMethod, ['client_secret_basic', 'client_secret_post'], `${name}.authMethod`)
    }
    if (client.tokenExchange !== undefined && typeof client.tokenExchange !== 'boolean') {
      fail(`${name}.tokenExchange must be a boolean`)
    }
    if (byId.has(client.clientId)) fail(`${name}.clientId: "${client.clientId}" is there already`)
    byId.set(client.clientId, client)
  }
  return byId
}

/** RFC 8252 section 7.3: on loopback any port will do, and for specs any path. */
export function allowsUri(list: readonly string[] | undefined, uri: string): boolean {
  if (list !== undefined) return list.includes(uri)
  if (!URL.canParse(uri)) return false
  const { protocol, hostname, hash } = new URL(uri)
  return (
    (protocol === 'http:' || protocol === 'https:') &&
    ['127.0.0.1', 'localhost', '[::1]'].includes(hostname) &&
    hash === ''
  )
}
