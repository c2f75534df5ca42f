import { checkFunction, checkMembers, checkChoice, checkText, checkTexts, checkWholeNumber, fail } from './checks.ts'
import { checkClients, type TestClient } from './clients.ts'

/**
 * IDs of tenants of the simulated Entra. Every other GUID is a tenant too.
 *
 * @example
 * entra({ tenant: testTenants.contoso })
 */
export const testTenants = {
  contoso: '11111111-1111-4111-8111-111111111111',
  fabrikam: '22222222-2222-4222-8222-222222222222',
  /** The tenant of all personal accounts, with its real ID. */
  consumers: '9188040d-6c67-4c5b-b112-36a304b66dad',
} as const

/**
 * A user of the simulated Entra.
 *
 * @example
 * const dave: TestEntraUser = {
 *   name: 'dave',
 *   tenant: testTenants.contoso,
 *   oid: 'aaaaaaaa-0000-4000-8000-000000000003',
 *   displayName: 'Dave Davis',
 *   upn: 'dave@contoso.example',
 * }
 */
export interface TestEntraUser {
  /** The name by which tests and the form of the login page refer to the user.
   * @example const user: TestEntraUser = { ...dave, name: 'dave' } */
  readonly name: string
  /** ID of the user's home tenant, a GUID in lower case.
   * @example const user: TestEntraUser = { ...dave, tenant: testTenants.fabrikam } */
  readonly tenant: string
  /** ID of the user in the home tenant, a GUID in lower case.
   * @example const user: TestEntraUser = { ...dave, oid: 'bbbbbbbb-0000-4000-8000-000000000003' } */
  readonly oid: string
  /** Full name of the user, the claim `name`.
   * @example const user: TestEntraUser = { ...dave, displayName: 'Dave Davis' } */
  readonly displayName: string
  /** The user principal name, which is also the email address.
   * @example const user: TestEntraUser = { ...dave, upn: 'dave@contoso.example' } */
  readonly upn: string
  /** The user's app roles, which are the same in each tenant.
   * @default none
   * @example const user: TestEntraUser = { ...dave, roles: ['Admin'] } */
  readonly roles?: readonly string[] | undefined
  /** IDs of the user's groups. If there are more than 200, tokens refer to Microsoft Graph instead of listing them.
   * @default none
   * @example const user: TestEntraUser = { ...dave, groups: ['99999999-0000-4000-8000-000000000001'] } */
  readonly groups?: readonly string[] | undefined
  /** The tenants in which the user is a guest, each with the ID of the user in that tenant; all are GUIDs in lower case.
   * @default none
   * @example
   * const user: TestEntraUser = { ...dave, guestIn: { [testTenants.fabrikam]: 'bbbbbbbb-0000-4000-8000-000000000004' } } */
  readonly guestIn?: Readonly<Record<string, string>> | undefined
}

/**
 * An API registered with the simulated Entra.
 *
 * @example
 * const api: TestEntraApi = { appId: 'd0000000-0000-4000-8000-000000000002', uri: 'api://billing' }
 */
export interface TestEntraApi {
  /** Application ID, a GUID in lower case: the `aud` of tokens of version 2.
   * @example const other: TestEntraApi = { ...api, appId: 'd0000000-0000-4000-8000-000000000003' } */
  readonly appId: string
  /** Application ID URI, such as `api://orders`: the `aud` of tokens of version 1, and the prefix of each scope.
   * @example const other: TestEntraApi = { ...api, uri: 'api://stock' } */
  readonly uri: string
  /** Version of the API's access tokens, which is `requestedAccessTokenVersion` in the API's manifest.
   * @default 2
   * @example const other: TestEntraApi = { ...api, version: 1 } */
  readonly version?: 1 | 2 | undefined
}

/**
 * Options of `startTestEntra`. All are optional.
 *
 * @example
 * const options: TestEntraOptions = { signIn: 'alice', tokenSeconds: 60 }
 */
export interface TestEntraOptions {
  /** The users; a list must have at least one.
   * @default alice of Contoso (role `Admin`), bob of Fabrikam, carol (a personal account), greta of Fabrikam (a guest of
   * Contoso)
   * @example startTestEntra({ users: [dave] }) */
  readonly users?: readonly TestEntraUser[] | undefined
  /** The registered clients; a list must have at least one.
   * @default one confidential client
   * @example
   * startTestEntra({ clients: [{ clientId: 'c0000000-0000-4000-8000-000000000002', clientSecret: 'shop~secret' }] }) */
  readonly clients?: readonly TestClient[] | undefined
  /** The registered APIs.
   * @default one, `api://orders`
   * @example startTestEntra({ apis: [{ appId: 'd0000000-0000-4000-8000-000000000002', uri: 'api://billing' }] }) */
  readonly apis?: readonly TestEntraApi[] | undefined
  /** The name of the user at the keyboard at the start, as with {@link TestEntra.signIn}.
   * @default nobody
   * @example startTestEntra({ signIn: 'alice' }) */
  readonly signIn?: string | undefined
  /** The hosts of the pages for login and logout. `real` means Entra's own host names, which `createUserAgent` resolves with
   * {@link TestEntra.proxies}. `loopback` means 127.0.0.1, for a real browser, which would otherwise open the real Entra.
   * @default 'real'
   * @example startTestEntra({ pages: 'loopback' }) */
  readonly pages?: 'real' | 'loopback' | undefined
  /** The port to listen on; 0 selects a free one.
   * @default 0
   * @example startTestEntra({ port: 9000 }) */
  readonly port?: number | undefined
  /** The clock, in milliseconds since 1970. All times in tokens and all expiries follow it.
   * @default Date.now
   * @example startTestEntra({ now: () => Date.now() + 3_600_000 }) // one hour ahead */
  readonly now?: (() => number) | undefined
  /** Lifetime of tokens, in whole seconds, 1 to 86400.
   * @default 3600
   * @example startTestEntra({ tokenSeconds: 60 }) */
  readonly tokenSeconds?: number | undefined
}

/** The checked options with their defaults. */
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

/**
 * Checks the options and fills in the defaults.
 *
 * @throws TypeError that names the first invalid option.
 */
export function resolveEntraOptions(options: TestEntraOptions): EntraSettings {
  const known = ['users', 'clients', 'apis', 'signIn', 'pages', 'port', 'now', 'tokenSeconds']
  checkMembers(options, known, 'the options of startTestEntra')
  const { signIn, pages, port, now, tokenSeconds } = options
  if (signIn !== undefined) checkText(signIn, 'signIn')
  if (pages !== undefined) checkChoice(pages, ['real', 'loopback'], 'pages')
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
