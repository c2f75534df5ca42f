import { inspect } from 'node:util'
import { createBearer } from 'express-session-oidc'
import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OidcUnknownClaims } from '../../lib/config/claims.ts'
import { makeBearerAuth } from '../../lib/guard/bearer-auth.ts'
import { catchRejection, catchError } from '../support/flow.ts'

const token = 'eyJhbGciOiJSUzI1NiJ9.cGF5bG9hZA.c2lnbmF0dXJl'
const issuer = 'https://id.example.com'
const of = (claims: object, roles?: Parameters<typeof makeBearerAuth>[3]): ReturnType<typeof makeBearerAuth> =>
  makeBearerAuth(token, issuer, claims as OidcUnknownClaims, roles)

describe('makeBearerAuth()', () => {
  it('returns the issuer, the subject, the scope, the roles and all claims of a token', () => {
    const claims = { sub: 'alice', scope: 'a b', roles: ['x'], deep: { list: [{ y: 1 }] } }
    const auth = of(claims)
    expect({ ...auth }).toEqual({ claims, sub: 'alice', scope: ['a', 'b'], roles: ['x'], issuer })
    expect(auth.claims).toBe(claims)
    expect(auth.token).toBe(token)
    expect(of({}).sub).toBeUndefined()
  })

  it('returns the token, but hides it from JSON.stringify, util.inspect and copies', () => {
    const auth = of({ sub: 'alice' })
    const copies = [
      { ...auth },
      Object.assign({}, auth),
      structuredClone({ ...auth }),
      JSON.parse(JSON.stringify(auth)) as object,
    ]
    const shown = [
      ...[auth, { auth }, [auth], ...copies].flatMap((value) => [
        JSON.stringify(value),
        inspect(value, { depth: 10, showHidden: true, getters: false }),
      ]),
      Object.entries(auth).join(),
    ]
    for (const text of shown) for (const part of token.split('.')) expect(text).not.toContain(part)
    expect(Object.keys(auth)).not.toContain('token')
  })

  it('returns a deeply frozen object, so that no request can change it for another', () => {
    const auth = of({
      sub: 'alice',
      scope: 'a',
      roles: ['x'],
      realm_access: { roles: ['y'] },
      list: [[{ z: 1 }]],
      none: null,
    })
    const seen: unknown[] = [auth]
    for (let next = seen.pop(); next !== undefined; next = seen.pop()) {
      if (next === null || typeof next !== 'object') continue
      expect(Object.isFrozen(next)).toBe(true)
      seen.push(...(Object.values(next) as unknown[]))
    }
    for (const change of [
      () => Object.assign(auth, { sub: 'mallory' }),
      () => Object.assign(auth, { token: 'x' }),
      () => Object.assign(auth.claims, { admin: true }),
      () => (auth.roles as string[]).push('admin'),
      () => (auth.scope as string[]).push('admin'),
      () => (auth.claims['realm_access'] as { roles: string[] }).roles.push('admin'),
    ])
      expect(change).toThrow(TypeError)
  })

  it('freezes claims that are very wide or nested deeper than the call stack', () => {
    const json = `{"deep":${'['.repeat(100_000)}${']'.repeat(100_000)},"wide":[${'{},'.repeat(10_000)}{}]}`
    const { claims } = of(JSON.parse(json) as object)
    let depth = 0
    for (let next = claims['deep'] as unknown[] | undefined; next; next = next[0] as unknown[] | undefined) {
      if (!Object.isFrozen(next)) throw new Error(`not frozen at ${depth}`)
      depth += 1
    }
    expect(depth).toBe(100_000)
    expect((claims['wide'] as object[]).every((each) => Object.isFrozen(each))).toBe(true)
  })
})

describe('the scope of a token', () => {
  it.each<[object, string[]]>([
    [{ scope: 'a b' }, ['a', 'b']],
    [{ scope: ' a  b a ' }, ['a', 'b']],
    [{ scope: ['a', 'b'] }, ['a', 'b']],
    [{ scp: 'a b' }, ['a', 'b']],
    [{ scp: ['a', 'b'] }, ['a', 'b']],
    [{ scope: 'a', scp: ['b', 'a'] }, ['a', 'b']],
    [{}, []],
    [{ scope: '' }, []],
    [{ scope: [] }, []],
    [{ scope: null, scp: 5 }, []],
    [{ scope: { a: true } }, []],
    [{ scope: ['a', 5] }, []],
    [{ scope: ['a b'] }, []],
    [{ scope: [['a']] }, []],
    [{ scope: 'a\tb' }, []],
    [{ scope: 'a"b' }, []],
    [{ scope: 5, scp: 'b' }, ['b']],
  ])('for the claims %j, the scope is %j', (claims, scope) => {
    expect(of(claims).scope).toEqual(scope)
  })
})

describe('the roles of a token', () => {
  it.each<[object, string[]]>([
    [{ roles: ['a', 'b', 'a'] }, ['a', 'b']],
    [{ roles: ['a', 5, null, ['b']] }, ['a']],
    [{ roles: 'a' }, []],
    [{ roles: { a: true } }, []],
    [{ realm_access: { roles: ['a'] } }, ['a']],
    [{ resource_access: { orders: { roles: ['a'] }, web: { roles: ['a'] } } }, ['orders:a', 'web:a']],
    [
      { roles: ['a'], realm_access: { roles: ['a', 'b'] }, resource_access: { c: { roles: ['d'] } } },
      ['a', 'b', 'c:d'],
    ],
    [{ realm_access: 'a', resource_access: 'a' }, []],
    [{ realm_access: null, resource_access: { c: null, d: { roles: 'x' }, e: { roles: [5] } } }, []],
    [{ groups: ['a'], role: 'a' }, []],
    [{}, []],
  ])('for the claims %j, the roles are %j', (claims, roles) => {
    expect(of(claims).roles).toEqual(roles)
  })

  it('takes the roles that the option roles returns, which gets only the claims', () => {
    const own = ['admin', 'admin']
    const auth = of({ sub: 'alice', roles: ['x'] }, (sources) => {
      expect(sources).toEqual({ accessToken: { sub: 'alice', roles: ['x'] }, idToken: {}, userInfo: undefined })
      expect(Object.isFrozen(sources.accessToken) && Object.isFrozen(sources.idToken)).toBe(true)
      return own
    })
    expect(auth.roles).toEqual(own)
    // The roles are a copy: the application may change its array later.
    own.push('later')
    expect(auth.roles).toEqual(['admin', 'admin'])
  })

  it.each<[string, unknown, RegExp]>([
    ['undefined', undefined, /^`roles` failed: TypeError: the returned value is not an array of strings$/],
    ['a string', 'admin', /the returned value is not an array/],
    ['a Set', new Set(['admin']), /the returned value is not an array/],
    ['an array with a number', ['admin', 5], /the returned value is not an array/],
    ['a promise', Promise.resolve(['admin']), /the returned value is not an array/],
  ])('throws hook_failed if the option roles returns %s', (_name, given, detail) => {
    const error = catchError(() => of({}, () => given as string[]))
    expect(error).toMatchObject({ code: 'hook_failed', status: 500 })
    expect(error.detail).toMatch(detail)
  })

  it('throws hook_failed if the option roles throws, without revealing the token', () => {
    const error = catchError(() =>
      of({}, () => {
        throw new RangeError('no such role')
      }),
    )
    expect(error).toMatchObject({
      code: 'hook_failed',
      status: 500,
      detail: '`roles` failed: RangeError: no such role',
    })
  })
})

describe('a guard whose option roles throws', () => {
  let provider: TestProvider
  beforeAll(async () => {
    provider = await startTestProvider({ audience: 'orders' })
  })
  afterAll(() => provider.stop())

  it('rejects the token, caches nothing, and calls roles again at the next request', async () => {
    let isFailing = true
    let requested = 0
    const bearer = createBearer({
      issuer: provider.issuer,
      audience: 'orders',
      roles: () => {
        requested += 1
        if (isFailing) throw new Error('down')
        return ['user']
      },
    })
    const { access_token } = await provider.issueTokens('alice')
    for (let time = 0; time < 2; time++)
      expect((await catchRejection(bearer.verifyToken(access_token as string))).code).toBe('hook_failed')
    isFailing = false
    expect((await bearer.verifyToken(access_token as string)).roles).toEqual(['user'])
    expect(requested).toBe(3)
    for (let time = 0; time < 3; time++) await bearer.verifyToken(access_token as string)
    // The token is cached when it is verified for the second time.
    expect(requested).toBe(4)
  })
})
