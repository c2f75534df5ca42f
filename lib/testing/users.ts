import type { TestJsonObject } from './change.ts'
import { checkMembers, checkText, checkTexts, fail } from './checks.ts'

/**
 * A user of the test provider.
 *
 * @example
 * const carol: TestUser = { sub: 'carol', claims: { name: 'Carol Clark', email: 'carol@example.com' } }
 */
export interface TestUser {
  /** The subject identifier, which tests use to refer to the user.
   * @example const user: TestUser = { sub: 'carol' } */
  readonly sub: string
  /** Claims about the user, in the ID token and at the userinfo endpoint. A standard claim is present only if its scope is
   * granted (OIDC Core 5.4); other claims are always present.
   * @default none
   * @example const user: TestUser = { sub: 'carol', claims: { name: 'Carol Clark', email: 'carol@example.com' } } */
  readonly claims?: Readonly<TestJsonObject> | undefined
  /** Additional claims of the access token, such as `realm_access`, and of the introspection response.
   * @default none
   * @example const user: TestUser = { sub: 'carol', accessTokenClaims: { realm_access: { roles: ['admin'] } } } */
  readonly accessTokenClaims?: Readonly<TestJsonObject> | undefined
  /** Additional claims of the userinfo response.
   * @default none
   * @example const user: TestUser = { sub: 'carol', userInfoClaims: { department: 'Sales' } } */
  readonly userInfoClaims?: Readonly<TestJsonObject> | undefined
  /** The `acr` values that the user can reach when a client requests them (`acr_values`). If the user can reach none of the
   * requested values, the login succeeds with another `acr`.
   * @default all values
   * @example const user: TestUser = { sub: 'carol', acrValues: ['silver', 'gold'] } */
  readonly acrValues?: readonly string[] | undefined
}

function person(sub: string, name: string, roles: readonly string[]): TestUser {
  return {
    sub,
    claims: { name, preferred_username: sub, email: `${sub}@example.com`, email_verified: true, roles },
    accessTokenClaims: { preferred_username: sub, realm_access: { roles } },
  }
}

/** The default users: alice is an administrator, bob is not. */
export const defaultUsers: readonly TestUser[] = [
  person('alice', 'Alice Adams', ['admin', 'user']),
  person('bob', 'Bob Brown', ['user']),
]

/** The claims that a scope requests (OIDC Core 5.4). */
const claimsOfScope: Readonly<Record<string, readonly string[]>> = {
  profile: [
    'name',
    'family_name',
    'given_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
    'updated_at',
  ],
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
}

/** The claims that a client with this scope gets. */
export function releasedClaims(claims: Readonly<TestJsonObject> | undefined, scope: readonly string[]): TestJsonObject {
  const withheld = new Set(
    Object.keys(claimsOfScope).flatMap((name) => (scope.includes(name) ? [] : claimsOfScope[name])),
  )
  return Object.fromEntries(Object.entries(claims ?? {}).filter(([name]) => !withheld.has(name)))
}

/** Finds the user of a `login_hint` by subject, user name or email address. */
export function userByHint(users: ReadonlyMap<string, TestUser>, hint: string | null): TestUser | undefined {
  if (hint === null) return undefined
  for (const user of users.values()) {
    if ([user.sub, user.claims?.preferred_username, user.claims?.email].includes(hint)) return user
  }
  return undefined
}

export function displayName(user: TestUser): string {
  return typeof user.claims?.name === 'string' ? user.claims.name : user.sub
}

export function checkUsers(users: readonly TestUser[]): Map<string, TestUser> {
  if (!Array.isArray(users) || users.length === 0) fail('users must be a non-empty array')
  const bySubject = new Map<string, TestUser>()
  for (const [index, user] of (users as readonly TestUser[]).entries()) {
    const name = `users[${index}]`
    checkMembers(user, ['sub', 'claims', 'accessTokenClaims', 'userInfoClaims', 'acrValues'], name)
    checkText(user.sub, `${name}.sub`)
    if (user.acrValues !== undefined) checkTexts(user.acrValues, `${name}.acrValues`)
    if (bySubject.has(user.sub)) fail(`${name}.sub: "${user.sub}" is not unique`)
    bySubject.set(user.sub, user)
  }
  return bySubject
}
