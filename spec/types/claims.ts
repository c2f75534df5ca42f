/** The types of an application's own claims. Checked by the compiler (`npm run check:types`), never run. */
import type { Request } from 'express'
import { createOidc, requireAnyAuth, type OidcOptions, type OidcTokenSet, type OidcUser } from 'express-session-oidc'
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
    holds<Equal<typeof user, OidcUser<Claims>>>()
    holds<Equal<typeof tokens, OidcTokenSet>>()
    // @ts-expect-error: only the application's own claims are declared
    void user.email
    // @ts-expect-error: a user is read-only
    user.tenant = 'other'
    return `/${user.tenant}`
  },
})

const user = oidc.user(req)
holds<Equal<typeof user, OidcUser<Claims>>>()
holds<Equal<(typeof user)['groups'], string[]>>()
holds<Equal<(typeof user)['sub'], string>>()

oidc.requireAuth({ check: (one) => one.groups.includes('admin') && one.tenant === 'acme' })
oidc.requireAuth({ check: async (one, request) => request.path.startsWith(`/${one.tenant}`) })
// @ts-expect-error: the claim does not exist
oidc.requireAuth({ check: (one) => one.email === 'alice@example.com' })

// The options alone determine the type.
const inferred = createOidc({ ...options, loginPage: '/signin' })
holds<Equal<ReturnType<typeof inferred.user>, OidcUser<Claims>>>()

// Without declared claims, an instance has the standard claims.
declare const plain: OidcOptions
const standard = createOidc(plain)
holds<Equal<ReturnType<typeof standard.user>['name'], string | undefined>>()

// Instances with different claims can be combined.
requireAnyAuth([oidc, standard], { roles: 'admin' })
// @ts-expect-error: not an instance
requireAnyAuth([{}])
