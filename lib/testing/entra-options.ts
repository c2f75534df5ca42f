import { checkFunction, checkMembers, checkOneOf, checkText, checkTexts, checkWholeNumber, fail } from './checks.ts'
import { checkClients, type TestClient } from './clients.ts'

/** Tenants of the simulated Entra; every other GUID is one too. */
export const testTenants = {
  contoso: '11111111-1111-4111-8111-111111111111',
  fabrikam: '22222222-2222-4222-8222-222222222222',
  /** That of all personal accounts, the same as in reality. */
  consumers: '9188040d-6c67-4c5b-b112-36a304b66dad',
} as const

/** A user of the simulated Entra. */
export interface TestEntraUser {
  /** By which specs call the user, and the login page does. */
  readonly name: string
  /** The user's own tenant: a GUID. */
  readonly tenant: string
  /** The ID of the user in it: a GUID. */
  readonly oid: string
  readonly displayName: string
  /** What the user logs in with; also the email address. */
  readonly upn: string
  /** Roles of the application that the user has in each tenant. Default: none. */
  readonly roles?: readonly string[] | undefined
  /** IDs of the groups the user is in: over 200 of them are not in tokens. Default: none. */
  readonly groups?: readonly string[] | undefined
  /** Other tenants that the user is a guest in, and the ID of the user there. Default: none. */
  readonly guestIn?: Readonly<Record<string, string>> | undefined
}

/** An API registered at the simulated Entra. */
export interface TestEntraApi {
  /** The ID of the application, a GUID: the `aud` of tokens of version 2. */
  readonly appId: string
  /** The application ID URI, `api://...`: the `aud` of tokens of version 1, and before the name of each scope. */
  readonly uri: string
  /** The version of its tokens, `requestedAccessTokenVersion` of its manifest. Default 2. */
  readonly version?: 1 | 2 | undefined
}

/** What can be chosen of a simulated Entra. All of it is optional. */
export interface TestEntraOptions {
  /** Default: alice of Contoso with the role `Admin`, bob of Fabrikam, carol with a personal account, and greta of Fabrikam, a guest of Contoso. */
  readonly users?: readonly TestEntraUser[] | undefined
  /** Default: one confidential client. */
  readonly clients?: readonly TestClient[] | undefined
  /** Default: one, `api://orders`. */
  readonly apis?: readonly TestEntraApi[] | undefined
  /** The name of the user at the keyboard from the start. Default: nobody. */
  readonly signIn?: string | undefined
  /**
   * Where the metadata send browsers to log in and out. `real` (default): to Entra's own host names, which
   * {@link TestEntra.proxies} lets `createUserAgent` find. `loopback`: to 127.0.0.1, for real browsers, which would find
   * the real Entra.
   */
  readonly pages?: 'real' | 'loopback' | undefined
  /** The port to listen on. Default 0: a free one. */
  readonly port?: number | undefined
  /** Its clock, in milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined
  /** How long tokens are good for, in seconds. Default 3600. */
  readonly tokenSeconds?: number | undefined
}

/** The options, checked and complete. */
export interface EntraSettings {
  readonly users: ReadonlyMap<string, TestEntraUser>
  readonly clients: ReadonlyMap<string, TestClient>
  readonly apis: readonly TestEntraApi[]
  readonly signIn: string | undefined
  readonly pages: 'real' | 'loopback'
  readonly port: number
  readonly now: () => number
  readonly tokenSeconds: number
}

const defaultUsers: readonly TestEntraUser[] = [
  {
    name: 'alice',
    tenant: testTenants.contoso,
    oid: 'aaaaaaaa-0000-4000-8000-000000000001',
    displayName: 'Alice Adams',
    upn: 'alice@contoso.example',
    roles: ['Admin'],
  },
  {
    name: 'bob',
    tenant: testTenants.fabrikam,
    oid: 'bbbbbbbb-0000-4000-8000-000000000001',
    displayName: 'Bob Brown',
    upn: 'bob@fabrikam.example',
  },
  {
    name: 'carol',
    tenant: testTenants.consumers,
    oid: '00000000-0000-0000-cccc-000000000001',
    displayName: 'Carol Clark',
    upn: 'carol@outlook.example',
  },
  {
    name: 'greta',
    tenant: testTenants.fabrikam,
    oid: 'bbbbbbbb-0000-4000-8000-000000000002',
    displayName: 'Greta Green',
    upn: 'greta@fabrikam.example',
    guestIn: { [testTenants.contoso]: 'aaaaaaaa-0000-4000-8000-000000000002' },
  },
]

const defaultClients: readonly TestClient[] = [
  { clientId: 'c0000000-0000-4000-8000-000000000001', clientSecret: 'not~a.secret_at-all' },
]

const defaultApis: readonly TestEntraApi[] = [{ appId: 'd0000000-0000-4000-8000-000000000001', uri: 'api://orders' }]

const guid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/

export function isTenantId(text: string): boolean {
  return guid.test(text)
}

function checkGuid(value: unknown, name: string): void {
  if (typeof value !== 'string' || !guid.test(value)) fail(`${name} must be a GUID in lower case`)
}

function checkUsers(users: readonly TestEntraUser[]): Map<string, TestEntraUser> {
  if (!Array.isArray(users) || users.length === 0) fail('users must be a non-empty array')
  const members = ['name', 'tenant', 'oid', 'displayName', 'upn', 'roles', 'groups', 'guestIn']
  return new Map(
    (users as readonly TestEntraUser[]).map((user, index) => {
      const where = `users[${index}]`
      checkMembers(user, members, where)
      for (const member of ['name', 'displayName', 'upn'] as const) checkText(user[member], `${where}.${member}`)
      for (const member of ['tenant', 'oid'] as const) checkGuid(user[member], `${where}.${member}`)
      for (const member of ['roles', 'groups'] as const) {
        if (user[member] !== undefined) checkTexts(user[member], `${where}.${member}`)
      }
      for (const id of Object.entries(user.guestIn ?? {}).flat()) checkGuid(id, `${where}.guestIn`)
      return [user.name, user]
    }),
  )
}

function checkApis(apis: readonly TestEntraApi[]): readonly TestEntraApi[] {
  if (!Array.isArray(apis)) fail('apis must be an array')
  for (const [index, api] of (apis as readonly TestEntraApi[]).entries()) {
    checkMembers(api, ['appId', 'uri', 'version'], `apis[${index}]`)
    checkGuid(api.appId, `apis[${index}].appId`)
    checkText(api.uri, `apis[${index}].uri`)
    if (api.version !== undefined && api.version !== 1 && api.version !== 2)
      fail(`apis[${index}].version must be 1 or 2`)
  }
  return apis
}

/** Checks the options and fills in the defaults. Throws a TypeError that names the first wrong one. */
export function resolveEntraOptions(options: TestEntraOptions): EntraSettings {
  const known = ['users', 'clients', 'apis', 'signIn', 'pages', 'port', 'now', 'tokenSeconds']
  checkMembers(options, known, 'the options of startTestEntra')
  const { signIn, pages, port, now, tokenSeconds } = options
  if (signIn !== undefined) checkText(signIn, 'signIn')
  if (pages !== undefined) checkOneOf(pages, ['real', 'loopback'], 'pages')
  if (port !== undefined) checkWholeNumber(port, 0, 65_535, 'port')
  if (now !== undefined) checkFunction(now, 'now')
  if (tokenSeconds !== undefined) checkWholeNumber(tokenSeconds, 1, 86_400, 'tokenSeconds')
  return {
    users: checkUsers(options.users ?? defaultUsers),
    clients: checkClients(options.clients ?? defaultClients),
    apis: checkApis(options.apis ?? defaultApis),
    signIn,
    pages: pages ?? 'real',
    port: port ?? 0,
    now: now ?? Date.now,
    tokenSeconds: tokenSeconds ?? 3600,
  }
}
