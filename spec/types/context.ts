/** The types of `req.oidc`, of tokens and of events. Checked by the compiler (`npm run check:types`), never run. */
import type { Request } from 'express'
import {
  OidcError,
  type OidcLoginContext,
  type Oidc,
  type OidcContext,
  type OidcErrorCode,
  type OidcTokenSet,
  type OidcUser,
} from 'express-session-oidc'
import { holds, type Equal } from './helpers.ts'

interface Claims {
  tenant: string
}

declare const req: Request
declare const oidc: Oidc<Claims>

if (req.oidc?.isAuthenticated) {
  const { user, loginId } = req.oidc
  holds<[Equal<typeof user, OidcUser>, Equal<typeof loginId, string>]>()
} else if (req.oidc) {
  const { user, loginId } = req.oidc
  holds<[Equal<typeof user, undefined>, Equal<typeof loginId, undefined>]>()
}
// @ts-expect-error: the context may be undefined, because no guard is known
void req.oidc.user
// @ts-expect-error: the user may be undefined
void req.oidc?.user.sub

const context = oidc.context(req)
// @ts-expect-error: read-only
context.isAuthenticated = true
holds<Equal<typeof context, OidcContext<Claims>>>()
if (context.isAuthenticated) {
  const login: OidcLoginContext<Claims> = context
  void login.user.tenant
}

holds<
  [
    Equal<OidcContext['roles'], readonly string[]>,
    Equal<OidcContext['scope'], readonly string[]>,
    Equal<OidcContext['provider'], string>,
    Equal<ReturnType<OidcContext['hasRole']>, boolean>,
    Equal<ReturnType<OidcContext['tokens']>, Promise<OidcTokenSet>>,
    Equal<ReturnType<OidcContext['accessToken']>, Promise<string>>,
    Equal<ReturnType<OidcContext['login']>, Promise<void>>,
    Equal<ReturnType<OidcContext['logout']>, Promise<void>>,
  ]
>()

void context.accessToken()
void context.accessToken({ minValidSeconds: 60 })
void context.accessToken({ minValidSeconds: undefined })
// @ts-expect-error: seconds are a number
void context.accessToken({ minValidSeconds: '60' })
// @ts-expect-error: the parameter does not exist
void context.accessToken({ minSeconds: 60 })

const token = oidc.logins.accessToken({ id: 'a', scope: 'orders:read', minValidSeconds: 60 })
holds<Equal<typeof token, Promise<string>>>()
// @ts-expect-error: the id of the login is missing
void oidc.logins.accessToken({})
// @ts-expect-error: the login id may be undefined
void oidc.logins.accessToken({ id: context.loginId })
// @ts-expect-error: read-only
oidc.logins.accessToken = undefined

const off = oidc.on('login', (event) => {
  holds<Equal<typeof event.sub, string>>()
  // @ts-expect-error: an event contains no token
  void event.tokens
  // @ts-expect-error: an event is read-only
  event.sub = 'bob'
})
holds<Equal<typeof off, () => void>>()
oidc.on('denied', ({ sub, status }) => {
  holds<[Equal<typeof sub, string | undefined>, Equal<typeof status, number>]>()
})
oidc.on('logout', ({ reason }) => {
  holds<Equal<typeof reason, 'user' | 'back_channel' | 'front_channel' | 'application' | 'refresh_refused'>>()
})
// @ts-expect-error: the event does not exist
oidc.on('signin', () => {})

declare const error: unknown
if (error instanceof OidcError) {
  const { code, status, detail } = error
  holds<[Equal<typeof code, OidcErrorCode>, Equal<typeof status, number>, Equal<typeof detail, string | undefined>]>()
}
