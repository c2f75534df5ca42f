import * as fc from 'fast-check'
import { createOidc, keycloak, type KeycloakOptions, type OidcRoleSources } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { findFaults } from '../support/find-faults.ts'

const claims = {
  realm_access: { roles: ['admin', 'user'] },
  resource_access: { web: { roles: ['editor'] }, orders: { roles: ['read', 'admin'] } },
}

function getRoles(options: Partial<KeycloakOptions>, sources: Partial<OidcRoleSources>): readonly string[] {
  const { roles } = keycloak({ url: 'https://id.example.com', realm: 'acme', ...options })
  return roles!({ idToken: {}, accessToken: undefined, userInfo: undefined, ...sources })
}

describe('keycloak()', () => {
  it.each([
    ['https://id.example.com', 'https://id.example.com/realms/acme'],
    ['https://id.example.com/', 'https://id.example.com/realms/acme'],
    ['https://id.example.com/auth', 'https://id.example.com/auth/realms/acme'],
    ['https://id.example.com/auth//', 'https://id.example.com/auth/realms/acme'],
    [new URL('http://localhost:8080'), 'http://localhost:8080/realms/acme'],
  ])('returns the issuer for the URL %s', (url, issuer) => {
    expect(keycloak({ url, realm: 'acme' }).issuer).toBe(issuer)
  })

  it('encodes the name of the realm', () => {
    expect(keycloak({ url: 'https://id.example.com', realm: 'two words' }).issuer).toBe(
      'https://id.example.com/realms/two%20words',
    )
  })

  it('returns a provider for the option provider of createOidc()', () => {
    const options = { clientId: 'web', clientSecret: 's', baseUrl: 'https://app.example.com', secret: 'xy'.repeat(16) }
    const provider = keycloak({ url: 'https://id.example.com', realm: 'acme' })
    expect(createOidc({ provider, ...options }).paths.login).toBe('/login')
  })

  it('returns realm roles without a prefix, and client roles with the prefix of their client', () => {
    expect(getRoles({}, { accessToken: claims })).toEqual([
      'admin',
      'user',
      'web:editor',
      'orders:read',
      'orders:admin',
    ])
  })

  it('returns the roles of the configured client, and of no other, without a prefix as well', () => {
    const roles = getRoles({ client: 'web' }, { accessToken: claims })
    expect(roles).toContain('editor')
    expect(roles).toContain('web:editor')
    expect(roles).not.toContain('read')
  })

  it.each([
    ['a:b', 'c', 'a%3Ab:c'],
    ['a', 'b:c', 'a:b:c'],
    ['a%3Ab', 'c', 'a%253Ab:c'],
    ['https://orders.example.com', 'admin', 'https%3A//orders.example.com:admin'],
    ['urn:acme:orders', 'admin', 'urn%3Aacme%3Aorders:admin'],
    ['', 'admin', ':admin'],
    ['orders', '', 'orders:'],
    ['realm-management', 'view-users', 'realm-management:view-users'],
    ['my client_1.x@y/\u00e4', 'read all', 'my client_1.x@y/\u00e4:read all'],
    ['\ud800:', 'x', '\ud800%3A:x'],
  ])('names the role of the client %j with the name %j: %j', (client, role, name) => {
    expect(getRoles({}, { accessToken: { resource_access: { [client]: { roles: [role] } } } })).toEqual([name])
  })

  it('names each role so that client and role can be read from the name', () => {
    const part = fc.string({ unit: fc.constantFrom('a', ':', '%', '3', 'A', '2', '5', '/'), maxLength: 8 })
    fc.assert(
      fc.property(part, part, (client, role) => {
        const [name = ''] = getRoles({}, { accessToken: { resource_access: { [client]: { roles: [role] } } } })
        const [encoded = '', ...rest] = name.split(':')
        expect([decodeURIComponent(encoded), rest.join(':')]).toEqual([client, role])
      }),
      { numRuns: 500 },
    )
  })

  it('gives no role of the configured client the name of the role of another client', () => {
    const accessToken = { resource_access: { web: { roles: ['orders:admin', ':', 'editor'] } } }
    expect(getRoles({ client: 'web' }, { accessToken })).toEqual(['web:orders:admin', 'web::', 'web:editor', 'editor'])
    const { roles } = keycloak({ url: 'https://id.example.com', realm: 'acme', client: 'a:b' })
    const own = { resource_access: { 'a:b': { roles: ['c'] } } }
    expect(roles!({ idToken: {}, accessToken: own, userInfo: undefined })).toEqual(['a%3Ab:c', 'c'])
  })

  it('ignores the roles of a client whose id is longer than 255 characters, the longest of Keycloak', () => {
    const resource_access = { ['a'.repeat(255)]: { roles: ['x'] }, ['b'.repeat(256)]: { roles: ['y'] } }
    expect(getRoles({}, { accessToken: { resource_access } })).toEqual([`${'a'.repeat(255)}:x`])
  })

  it('reads the ID token only if there is no verified access token', () => {
    expect(getRoles({}, { idToken: claims })).toContain('admin')
    expect(getRoles({}, { idToken: claims, accessToken: { realm_access: { roles: ['user'] } } })).toEqual(['user'])
  })

  it.each([
    {},
    { realm_access: null, resource_access: null },
    { realm_access: 'admin', resource_access: 'web' },
    { realm_access: { roles: 'admin' }, resource_access: { web: null, orders: { roles: { 0: 'admin' } } } },
    { realm_access: { roles: [1, null, { admin: true }] } },
  ])('returns no roles for the claims %j', (accessToken) => {
    expect(getRoles({}, { accessToken })).toEqual([])
  })

  it.each([
    [{ url: 'id.example.com', realm: 'acme' }, /^`url` must be an absolute URL/],
    [{ realm: 'acme' }, /^`url` must be an absolute URL/],
    [{ url: 'https://id.example.com/realms/acme', realm: 'acme' }, /^`url` contains '\/realms\/'/],
    [{ url: 'https://id.example.com' }, /^`realm` is missing/],
    [{ url: 'https://id.example.com', realm: '' }, /^`realm` must be a non-empty string/],
    [{ url: 'https://id.example.com', realm: 'acme', client: '' }, /^`client` must be a non-empty string/],
    [
      { url: 'https://id.example.com', realm: 'acme', clientId: 'web' },
      /^`clientId` is not an option; did you mean `client`\?/,
    ],
  ])('throws for the options %j', (options, message) => {
    const found = findFaults(() => keycloak(options as KeycloakOptions))
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(message)
  })

  it('lists all faults of the options in one error', () => {
    expect(findFaults(() => keycloak({ url: 'x', realm: '', client: '' }))).toHaveLength(3)
    expect(findFaults(() => keycloak(undefined as unknown as KeycloakOptions))[0]).toBe(
      'the options of keycloak() must be an object',
    )
  })
})
