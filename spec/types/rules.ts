/** What guards take and refuse: held by the compiler (`npm run check:types`), never run. */
import express, { type Request, type RequestHandler } from 'express'
import { requireAnyAuth, type AuthRule, type Oidc, type Rule, type User } from 'express-session-oidc'
import { holds, type Equal } from './helpers.ts'

interface Claims {
  tenant: string
}

declare const oidc: Oidc<Claims>
declare const other: Oidc

const readonlyRoles: readonly string[] = ['admin']
export const rules: AuthRule<Claims>[] = [
  {},
  { roles: 'admin', anyRole: ['a', 'b'], scope: ['orders:read'], anyScope: 'a b' },
  { roles: readonlyRoles, anyRole: readonlyRoles, scope: readonlyRoles, anyScope: readonlyRoles },
  { claims: { tenant: 'acme', level: 3, active: true } },
  { check: (user, req) => user.tenant === req.params['tenant'], redirect: false },
  { check: async ({ sub, iss }) => sub !== iss },
]

// A guard is a handler of Express, in a list of such too, and on a router.
holds<Equal<ReturnType<typeof oidc.requireAuth>, RequestHandler>>()
express()
  .get('/a', oidc.requireAuth({ roles: 'admin' }), (req, res) => void res.json(oidc.user(req).tenant))
  .use('/b', [oidc.requireAuth(), requireAnyAuth([other], { anyRole: ['a'] })], express.Router())

oidc.requireAuth({
  check(user, req) {
    holds<[Equal<typeof user, User<Claims>>, Equal<typeof req, Request>]>()
    return true
  },
})

export const wrong: AuthRule<Claims>[] = [
  // @ts-expect-error: roles are texts
  { roles: 1 },
  // @ts-expect-error: roles are texts
  { roles: [['admin']] },
  // @ts-expect-error: any of one is a list of one
  { anyRole: 'admin' },
  // @ts-expect-error: scope is a text or a list of such
  { scope: /orders/ },
  // @ts-expect-error: scope is a text or a list of such
  { anyScope: 1 },
  // @ts-expect-error: a claim has one value
  { claims: { address: { country: 'DE' } } },
  // @ts-expect-error: a claim that is not there is for a check
  { claims: { tenant: undefined } },
  // @ts-expect-error: a check is a function
  { check: true },
  // @ts-expect-error: a check says true or false, in the end too
  { check: async (user) => user.tenant },
  // @ts-expect-error: a check says something
  { check: () => {} },
  // @ts-expect-error: there or not there
  { redirect: '/login' },
  // @ts-expect-error: an unknown condition
  { permissions: ['a'] },
]
// @ts-expect-error: whether to redirect is for a guard, and no condition
export const condition: Rule = { redirect: false }
// @ts-expect-error: a rule, not a role
oidc.requireAuth('admin')
// @ts-expect-error: a rule, not roles
oidc.requireAuth(['admin'])
// @ts-expect-error: a list of instances
requireAnyAuth(oidc)
// @ts-expect-error: instances of different claims have no user in common to check
requireAnyAuth([oidc, other], { check: (user) => user.tenant === 'acme' })
