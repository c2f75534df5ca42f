/** Routes behind a guard. In any shape and at any spelling of the path, the handler runs only for authorized users. */
import { createRequire } from 'node:module'
import express, { type Express, type RequestHandler } from 'express'
import { array, assert, asyncProperty, constantFrom, oneof } from 'fast-check'
import { requireAnyAuth } from 'express-session-oidc'
import { beforeEach, describe, expect, it } from 'vitest'
import { form, navigation, rawRequest, script, type HeaderLines } from '../attacks/raw-http.ts'
import type { TestApp } from '../support/app.ts'
import { runs } from '../support/depth.ts'
import { flow } from '../support/flow.ts'

const world = flow()
const express4 = createRequire(import.meta.url)('express4') as typeof express
const secret = 'what only users may read'

/** How often a guarded handler ran. */
let calls = 0
beforeEach(() => {
  calls = 0
})

const handler: RequestHandler = (_req, res) => {
  calls++
  res.send(secret)
}

/** The shapes in which Express accepts a guard. */
const shapes = [
  '/in-line',
  '/in-an-array',
  '/in-nested-arrays',
  '/on-all-methods',
  '/on-a-path',
  '/on-a-router',
  '/on-a-router-of-a-router',
  '/on-an-application',
  '/on-a-route',
  '/on-a-parameter/5',
  '/of-any-login',
  '/of-a-role',
]

function guarded(make: typeof express): (app: Express, oidc: TestApp['oidc']) => void {
  return (app, oidc) => {
    const guard = oidc.requireAuth()
    const { Router } = make
    const router = Router()
    router.use(guard)
    router.all('/', handler)
    const inner = Router()
    inner.all('/', handler)
    const outer = Router()
    outer.use('/', guard, inner)
    const application = make()
    application.use(guard)
    application.all('/', handler)
    const parameters = Router()
    parameters.param('id', (_req, _res, next) => next())
    parameters.all('/on-a-parameter/:id', guard, handler)
    app.all('/in-line', guard, handler)
    app.all('/in-an-array', [guard, handler])
    app.all('/in-nested-arrays', [[guard], [[handler]]] as never)
    app.all('/on-all-methods', guard)
    app.all('/on-all-methods', handler)
    app.use('/on-a-path', guard, handler)
    app.use('/on-a-router', router)
    app.use('/on-a-router-of-a-router', outer)
    app.use('/on-an-application', application)
    app.route('/on-a-route').all(guard).all(handler)
    app.use(parameters)
    app.all('/of-any-login', requireAnyAuth([oidc]), handler)
    app.all('/of-a-role', oidc.requireAuth({ roles: 'admin' }), handler)
  }
}

const methods = ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS', 'PROPFIND']
const senders: Readonly<Record<string, HeaderLines>> = { navigation, form, script, nothing: [] }

describe.each([
  ['Express 5', express],
  ['Express 4', express4],
] as const)('a guard on an application of %s', (_name, make) => {
  it.each(shapes)(
    'a guard keeps the handlers after it from running: %s',
    { meta: { id: 'guarded-routes-1' } },
    async (path) => {
      const app = await world.start({ express: make, routes: guarded(make) })
      for (const method of methods) {
        for (const headers of Object.values(senders)) {
          const answer = await rawRequest(app.url, { method, target: path, headers })
          expect([302, 400, 401]).toContain(answer.status)
          expect(answer.head + answer.body).not.toContain(secret)
        }
      }
      expect(calls).toBe(0)
      // The handler exists: a user who is logged in reaches it.
      const agent = app.agent()
      await agent.get('/profile')
      expect((await agent.get(path)).text()).toBe(secret)
      expect(calls).toBe(1)
    },
  )

  it('a guard is not bypassed by another spelling of the path', { meta: { id: 'guarded-routes-2' } }, async () => {
    const app = await world.start({ express: make, routes: guarded(make) })
    const spellings = String.raw`
      /ON-A-PATH /on-a-path/ /on-a-path// //on-a-path /./on-a-path /x/../on-a-path /on-a-path/. /%6fn-a-path
      /on-a-path%2f /on-a-path%0a /on-a-path%0d%0a /on-a-path%00 /on-a-path%23 /on-a-path# /on-a-path;jsessionid=1
      /on-a-path.html /on-a-path\ /on-a-path%5c /on-a-path?x=/login /on-a-path?/login /on-a-path/..;/
      /on-a-path/%2e%2e/ /login/../on-a-path /callback/../on-a-path /on-a-path/../login ${app.url}/on-a-path
      http://localhost/on-a-path /on-a-path%E0%A4%A /on-a-path?returnTo=/ /of-a-role?roles=admin
      /of-a-role?role[]=admin /on-a-parameter/..%2f..%2flogin /on-a-parameter/%00 /in-line?_method=HEAD
      /in-line?access_token=x /in-line?code=x&state=y /in-line?isAuthenticated=true`
    for (const target of spellings.trim().split(/\s+/)) {
      for (const headers of [navigation, []]) {
        const answer = await rawRequest(app.url, { target, headers })
        expect({ target, body: answer.body }).not.toMatchObject({ body: expect.stringContaining(secret) as string })
      }
    }
    expect(calls).toBe(0)
  })

  it('a guard is not bypassed by any combination of path pieces', { meta: { id: 'guarded-routes-3' } }, async () => {
    const app = await world.start({ express: make, routes: guarded(make) })
    const piece = oneof(
      constantFrom('on-a-path', 'on-a-router', 'in-line', 'of-a-role', 'login', 'callback', 'logout', 'public'),
      constantFrom(
        '/',
        '//',
        '..',
        '.',
        ';',
        '?',
        '&',
        '=',
        '%2f',
        '%2F',
        '%5c',
        '%2e',
        '%00',
        '%0a',
        '%20',
        '%23',
        '#',
      ),
    )
    await assert(
      asyncProperty(array(piece, { minLength: 1, maxLength: 8 }), async (pieces) => {
        const answer = await rawRequest(app.url, { target: `/${pieces.join('')}` })
        expect(answer.body).not.toContain(secret)
        expect(answer.status).toBeLessThan(500)
      }),
      { numRuns: runs(300) },
    )
    expect(calls).toBe(0)
  })
})

describe('a form that is sent without a login', () => {
  it(
    'a form sent without a login is neither stored nor shown nor forwarded',
    { meta: { id: 'guarded-routes-4' } },
    async () => {
      const app = await world.start({ routes: guarded(express) })
      const agent = app.agent()
      const page = await agent.post('/in-line', { pin: 'planted-1234', note: '"><script>planted()</script>' })
      expect(page.status).toBe(401)
      expect(page.text()).not.toContain('planted')
      expect(page.text()).not.toMatch(/<form|<input|<script/)
      expect(page.cookiesSet).toEqual([])
      // The login that follows does not bring the form back either.
      const after = await agent.get('/in-line')
      expect(after.hops.map(({ method }) => method)).not.toContain('POST')
      expect(after.text()).toBe(secret)
      expect(calls).toBe(1)
    },
  )
})
