/** How the claims of an application travel: held by the compiler (`npm run check:types`), never run. */
import type { Request } from 'express'
import { createOidc, requireAnyAuth, type OidcOptions, type TokenSet, type User } from 'express-session-oidc'
import { holds, type Equal } from './helpers.ts'

interface Claims {
  tenant: string
  groups: string[]
}

declare const options: OidcOptions<Claims>
declare const req: Request

const oidc = createOidc<Claims>({
  ...options,
  afterLogin: (_req, { user, tokens }) => {
    holds<Equal<typeof user, User<Claims>>>()
    holds<Equal<typeof tokens, TokenSet>>()
    // @ts-expect-error: the claims are the application's own, and no others
    void user.email
    // @ts-expect-error: a user is not to be changed
    user.tenant = 'other'
    return `/${user.tenant}`
  },
})

const user = oidc.user(req)
holds<Equal<typeof user, User<Claims>>>()
holds<Equal<(typeof user)['groups'], string[]>>()
holds<Equal<(typeof user)['sub'], string>>()

oidc.requireAuth({ check: (one) => one.groups.includes('admin') && one.tenant === 'acme' })
oidc.requireAuth({ check: async (one, request) => request.path.startsWith(`/${one.tenant}`) })
// @ts-expect-error: no such claim
oidc.requireAuth({ check: (one) => one.email === 'alice@example.com' })

// By options alone, without naming the type.
const inferred = createOidc({ ...options, loginPage: '/signin' })
holds<Equal<ReturnType<typeof inferred.user>, User<Claims>>>()

// Without claims of its own, an instance has the standard ones.
declare const plain: OidcOptions
const standard = createOidc(plain)
holds<Equal<ReturnType<typeof standard.user>['name'], string | undefined>>()

// Instances of different claims stand side by side.
requireAnyAuth([oidc, standard], { roles: 'admin' })
// @ts-expect-error: not an instance
requireAnyAuth([{}])
