import { checkMembers, checkChoice, checkText, checkTexts, fail } from './checks.ts'

/**
 * A client registered with the test provider.
 *
 * @example
 * const client: TestClient = { clientId: 'shop', clientSecret: 'shop-secret' }
 */
export interface TestClient {
  /** The client identifier: any non-empty string. In an Authorization header, clients must form-urlencode it (RFC 6749
   * section 2.3.1).
   * @example const client: TestClient = { clientId: 'shop' } */
  readonly clientId: string
  /** The client secret. A client without one is public, and must use PKCE with S256.
   * @default none: a public client
   * @example const client: TestClient = { clientId: 'web', clientSecret: 'web-secret' } */
  readonly clientSecret?: string | undefined
  /** The accepted redirect URIs, compared exactly.
   * @default every loopback URI without a fragment
   * @example const client: TestClient = { clientId: 'web', redirectUris: ['http://localhost:3000/callback'] } */
  readonly redirectUris?: readonly string[] | undefined
  /** The accepted post-logout redirect URIs, compared exactly.
   * @default every loopback URI without a fragment
   * @example const client: TestClient = { clientId: 'web', postLogoutRedirectUris: ['http://localhost:3000/'] } */
  readonly postLogoutRedirectUris?: readonly string[] | undefined
  /** The URI that receives a logout token when a session ends (OIDC Back-Channel Logout 1.0 section 2.2).
   * @default none
   * @example const client: TestClient = { clientId: 'web', backchannelLogoutUri: 'http://localhost:3000/backchannel' } */
  readonly backchannelLogoutUri?: string | undefined
  /** The URI that a page of the provider loads in a frame when the user logs out there (OIDC Front-Channel Logout 1.0
   * section 2).
   * @default none
   * @example const client: TestClient = { clientId: 'web', frontchannelLogoutUri: 'http://localhost:3000/frontchannel' } */
  readonly frontchannelLogoutUri?: string | undefined
  /** The only accepted method of client authentication.
   * @default both `client_secret_basic` and `client_secret_post`
   * @example const client: TestClient = { clientId: 'web', clientSecret: 'web-secret', authMethod: 'client_secret_post' } */
  readonly authMethod?: 'client_secret_basic' | 'client_secret_post' | undefined
  /** Whether the client may exchange access tokens for others (RFC 8693).
   * @default true for a client with a secret, else false
   * @example const client: TestClient = { clientId: 'web', clientSecret: 'web-secret', tokenExchange: false } */
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
      checkChoice(client.authMethod, ['client_secret_basic', 'client_secret_post'], `${name}.authMethod`)
    }
    if (client.tokenExchange !== undefined && typeof client.tokenExchange !== 'boolean') {
      fail(`${name}.tokenExchange must be a boolean`)
    }
    if (byId.has(client.clientId)) fail(`${name}.clientId: "${client.clientId}" is not unique`)
    byId.set(client.clientId, client)
  }
  return byId
}

/** Without a list, accepts any port on loopback (RFC 8252 section 7.3), and any path, which is convenient in tests. */
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
