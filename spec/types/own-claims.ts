/** Claims that an application adds to every user. Checked by the compiler (`npm run check:types`), never run. */
import type { Express, Request } from 'express'
import type { OidcLoginContext, Oidc, OidcUser } from 'express-session-oidc'
import { holds, type Equal } from './helpers.ts'

declare module 'express-session-oidc' {
  interface OidcUserClaims {
    department?: string
  }
}

declare const app: Express
declare const oidc: Oidc
declare const req: Request

app.get('/', oidc.requireAuth({ check: ({ department }) => department === 'sales' }), ({ oidc: { user } }) => {
  holds<[Equal<typeof user.department, string | undefined>, Equal<typeof user.name, string | undefined>]>()
})
const department = req.oidc?.user?.department
holds<
  [
    Equal<typeof department, string | undefined>,
    Equal<ReturnType<typeof oidc.user>, OidcUser>,
    Equal<OidcUser['department'], string | undefined>,
    Equal<OidcLoginContext['user']['department'], string | undefined>,
  ]
>()
