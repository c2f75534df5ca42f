import { createOidc, type OidcOptions } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { faultsOf } from '../support/faults-of.ts'

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
  return faultsOf(() => createOidc({ ...valid, ...options } as OidcOptions))
}

const names = ['login', 'callback', 'logout', 'backchannelLogout', 'frontchannelLogout'] as const
const words = ['login', 'callback', 'logout', 'backchannel-logout', 'frontchannel-logout']

function below(prefix: string): Record<string, string> {
  return Object.fromEntries(names.map((route, index) => [route, `${prefix}/${words[index]}`]))
}

describe('the routes', () => {
  it('have no prefix without a name, and that of the name with one', () => {
    expect(paths({})).toEqual(below(''))
    expect(paths({ name: 'entra' })).toEqual(below('/entra'))
  })

  it.each(names)('are each overridden on their own, whatever the name: %s', (route) => {
    const given = paths({ name: 'entra', routes: { [route]: '/auth/other' } })
    expect(given).toEqual({ ...below('/entra'), [route]: '/auth/other' })
  })

  it('come after the path of baseUrl', () => {
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
  ])('refuse the path %s, which means something else to Express or in a redirect URI', (path) => {
    for (const [index, route] of names.entries()) {
      const found = faults({ routes: { [route]: path } })
      expect(found).toHaveLength(1)
      expect(found[0]).toContain(`routes.${route} must be a plain path such as '/auth/${words[index]}'`)
    }
  })

  it('must differ from one another, also by more than case, as Express matches', () => {
    const message = `${names.map((route) => `routes.${route}`).join(', ')} must differ from one another`
    expect(faults({ routes: { login: '/auth', callback: '/auth' } })).toEqual([message])
    expect(faults({ routes: { login: '/AUTH', logout: '/auth' } })).toEqual([message])
    expect(faults({ routes: { login: '/logout' } })).toEqual([message])
    expect(faults({ routes: { logout: '/Backchannel-Logout' } })).toEqual([message])
    expect(faults({ routes: { login: '/auth', callback: '/auth/callback' } })).toEqual([])
  })
})
