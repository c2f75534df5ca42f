import { createOidc, type OidcOptions } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { findFaults } from '../support/find-faults.ts'

const valid = {
  issuer: 'https://id.example.com',
  clientId: 'web',
  clientSecret: 'a client secret',
  baseUrl: 'https://app.example.com',
  secret: 'a secret of more than thirty-two characters',
}

function paths(options: Partial<OidcOptions>): object {
  return createOidc({ ...valid, ...options }).paths
}

function faults(options: object): string[] {
  return findFaults(() => createOidc({ ...valid, ...options }))
}

const names = ['login', 'callback', 'logout', 'backchannelLogout', 'frontchannelLogout'] as const
const words = ['login', 'callback', 'logout', 'backchannel-logout', 'frontchannel-logout']

function below(prefix: string): Record<string, string> {
  return Object.fromEntries(names.map((route, index) => [route, `${prefix}/${words[index]}`]))
}

describe('the option routes', () => {
  it('prefixes the default paths with the name of the instance, if it has one', () => {
    expect(paths({})).toEqual(below(''))
    expect(paths({ name: 'entra' })).toEqual(below('/entra'))
  })

  it.each(names)('overrides only the path of %s, whatever the name', (route) => {
    const given = paths({ name: 'entra', routes: { [route]: '/auth/other' } })
    expect(given).toEqual({ ...below('/entra'), [route]: '/auth/other' })
  })

  it('places the routes below the path of baseUrl', () => {
    expect(paths({ baseUrl: 'https://app.example.com/shop' })).toEqual(below('/shop'))
    expect(paths({ baseUrl: 'https://app.example.com/shop/' })).toEqual(below('/shop'))
  })

  it.each([
    'login',
    '/',
    '',
    '/login/',
    '//login',
    '/log in',
    '/log?in',
    '/log#in',
    '/log%69n',
    '/:login',
    '/login*',
    '/log(in)',
    '/login{/x}',
    'https://evil.example/login',
    42,
    null,
    /login/,
  ])('rejects the path %s, which has another meaning in Express or in a redirect URI', (path) => {
    for (const [index, route] of names.entries()) {
      const found = faults({ routes: { [route]: path } })
      expect(found).toHaveLength(1)
      expect(found[0]).toContain(`\`routes.${route}\` must be a plain path such as '/auth/${words[index]}'`)
    }
  })

  it('rejects paths that are equal or differ only in case, because Express ignores case', () => {
    const message = 'two of the `routes` have the same path; give each route its own path'
    expect(faults({ routes: { login: '/auth', callback: '/auth' } })).toEqual([message])
    expect(faults({ routes: { login: '/AUTH', logout: '/auth' } })).toEqual([message])
    expect(faults({ routes: { login: '/logout' } })).toEqual([message])
    expect(faults({ routes: { logout: '/Backchannel-Logout' } })).toEqual([message])
    expect(faults({ routes: { login: '/auth', callback: '/auth/callback' } })).toEqual([])
  })
})
