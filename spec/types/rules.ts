/** What guards accept and reject. Checked by the compiler (`npm run check:types`), never run. */
import express, { type Request, type RequestHandler } from 'express'
import { requireAnyAuth, type OidcAuthRule, type Oidc, type OidcRule, type OidcUser } from 'express-session-oidc'
import { holds, type Equal } from './helpers.ts'

interface Claims {
  tenant: string
}

declare const oidc: Oidc<Claims>
declare const other: Oidc

const readonlyRoles: readonly string[] = ['admin']
export const rules: OidcAuthRule<Claims>[] = [
  {},
  { roles: 'admin', anyRole: ['a', 'b'], scope: ['orders:read'], anyScope: 'a b' },
  { roles: readonlyRoles, anyRole: readonlyRoles, scope: readonlyRoles, anyScope: readonlyRoles },
  { claims: { tenant: 'acme', level: 3, active: true } },
  { check: (user, req) => user.tenant === req.params['tenant'], redirect: false },
  { check: async ({ sub, iss }) => sub !== iss },
]

// A guard is an Express handler, also in an array and on a router.
export const handlers: RequestHandler[] = [oidc.requireAuth(), oidc.trySilentLogin(), requireAnyAuth([oidc, other])]
express()
  .get('/a', oidc.requireAuth({ roles: 'admin' }), (req, res) => void res.json(oidc.user(req).tenant))
  .use('/b', [oidc.requireAuth(), requireAnyAuth([other], { anyRole: ['a'] })], express.Router())

oidc.requireAuth({
  check(user, req) {
    holds<[Equal<typeof user, OidcUser<Claims>>, Equal<typeof req, Request>]>()
    return true
  },
})

export const wrong: OidcAuthRule<Claims>[] = [
  // @ts-expect-error: roles are strings
  { roles: 1 },
  // @ts-expect-error: roles are strings
  { roles: [['admin']] },
  { anyRole: 'admin' },
  // @ts-expect-error: a scope is a string or an array of strings
  { scope: /orders/ },
  // @ts-expect-error: a scope is a string or an array of strings
  { anyScope: 1 },
  // @ts-expect-error: a claim has a single value
  { claims: { address: { country: 'DE' } } },
  // @ts-expect-error: a missing claim needs a check
  { claims: { tenant: undefined } },
  // @ts-expect-error: a check is a function
  { check: true },
  // @ts-expect-error: the promise of a check must resolve to a boolean
  { check: async (user) => user.tenant },
  // @ts-expect-error: a check must return a boolean
  { check: () => {} },
  // @ts-expect-error: the value must be a boolean
  { redirect: '/login' },
  // @ts-expect-error: an unknown condition
  { permissions: ['a'] },
]
// @ts-expect-error: `redirect` is an option of a guard, not a condition
export const condition: OidcRule = { redirect: false }
// @ts-expect-error: the argument is a rule, not a role
oidc.requireAuth('admin')
// @ts-expect-error: the argument is a rule, not roles
oidc.requireAuth(['admin'])
// @ts-expect-error: the argument is an array of instances
requireAnyAuth(oidc)
// @ts-expect-error: instances with different claims have no common type of user
requireAnyAuth([oidc, other], { check: (user) => user.tenant === 'acme' })
