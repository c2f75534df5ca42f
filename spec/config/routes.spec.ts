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

describe('the routes', () => {
  it('have no prefix without a name, and that of the name with one', () => {
    expect(paths({})).toEqual({ login: '/login', callback: '/callback', logout: '/logout' })
    expect(paths({ name: 'entra' })).toEqual({
      login: '/entra/login',
      callback: '/entra/callback',
      logout: '/entra/logout',
    })
  })

  it('are each overridden on their own, whatever the name', () => {
    expect(paths({ name: 'entra', routes: { callback: '/auth/cb' } })).toEqual({
      login: '/entra/login',
      callback: '/auth/cb',
      logout: '/entra/logout',
    })
  })

  it('come after the path of baseUrl', () => {
    const shop = { login: '/shop/login', callback: '/shop/callback', logout: '/shop/logout' }
    expect(paths({ baseUrl: 'https://app.example.com/shop' })).toEqual(shop)
    expect(paths({ baseUrl: 'https://app.example.com/shop/' })).toEqual(shop)
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
    for (const route of ['login', 'callback', 'logout']) {
      const found = faults({ routes: { [route]: path } })
      expect(found).toHaveLength(1)
      expect(found[0]).toContain(`routes.${route} must be a plain path such as '/auth/${route}'`)
    }
  })

  it('must differ from one another, also by more than case, as Express matches', () => {
    const message = 'routes.login, routes.callback and routes.logout must differ from one another'
    expect(faults({ routes: { login: '/auth', callback: '/auth' } })).toEqual([message])
    expect(faults({ routes: { login: '/AUTH', logout: '/auth' } })).toEqual([message])
    expect(faults({ routes: { login: '/logout' } })).toEqual([message])
    expect(faults({ routes: { login: '/auth', callback: '/auth/callback' } })).toEqual([])
  })
})
