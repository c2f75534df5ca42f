/** The type of `req.oidc` before and after it is narrowed. Checked by the compiler (`npm run check:types`), never run. */
import type { Request, Response } from 'express'
import type {
  OidcAnonymousContext,
  OidcLoginContext,
  Oidc,
  OidcContext,
  OidcUserClaims,
  OidcUser,
} from 'express-session-oidc'
import { holds, type Equal } from './helpers.ts'

declare const req: Request
declare const res: Response
declare const oidc: Oidc<{ tenant: string }>
declare const plain: Oidc

// The union, and the user in each of its members.
holds<
  [
    Equal<OidcContext, OidcAnonymousContext | OidcLoginContext>,
    Equal<OidcAnonymousContext['isAuthenticated'], false>,
    Equal<OidcLoginContext['isAuthenticated'], true>,
    Equal<OidcAnonymousContext['user'], undefined>,
    Equal<OidcLoginContext<{ tenant: string }>['user'], OidcUser<{ tenant: string }>>,
    Equal<OidcContext['user'], OidcUser | undefined>,
    Equal<OidcUser, Readonly<{ iss: string; sub: string } & OidcUserClaims>>,
  ]
>()

export function greeting(): string {
  const login = plain.context(req)
  if (!login.isAuthenticated) {
    // @ts-expect-error: an anonymous request has no subject
    void login.user.sub
    return 'stranger'
  }
  const { sub, name, email_verified } = login.user
  holds<[Equal<typeof sub, string>, Equal<typeof name, string | undefined>]>()
  holds<Equal<typeof email_verified, boolean | undefined>>()
  // @ts-expect-error: an instance without declared claims does not know them
  void login.user.tenant
  return name ?? sub
}

// Testing the user narrows the union, too.
if (req.oidc?.user) holds<Equal<typeof req.oidc.user, OidcUser>>()

export async function misuse(): Promise<void> {
  const context = oidc.context(req)
  // @ts-expect-error: the user may be undefined
  void context.user.tenant
  // @ts-expect-error: roles are read-only
  context.roles.push('admin')
  // @ts-expect-error: scope is read-only
  context.scope.push('admin')
  // @ts-expect-error: `hasRole()` takes one role
  context.hasRole(['admin', 'user'])
  // @ts-expect-error: `tokens` is a method
  void context.tokens.accessToken
  // @ts-expect-error: `tokens()` returns a promise
  void context.tokens().accessToken
  const tokens = await context.tokens()
  // @ts-expect-error: read-only
  tokens.accessToken = ''
  // @ts-expect-error: the expiry may be undefined
  void tokens.expiresAt.toFixed()
  // @ts-expect-error: a parameter of the protocol, not of `login()`
  await context.login({ redirect_uri: 'https://app.example.com/callback' })
  // @ts-expect-error: a logout has no scope
  await context.logout({ scope: 'openid' })
  // @ts-expect-error: the login belongs to the request
  void res.oidc
}

// @ts-expect-error: a login with standard claims has no tenant
export const narrowed: OidcContext<{ tenant: string }> = plain.context(req)
// @ts-expect-error: an anonymous context has no user
export const anonymous: OidcAnonymousContext = { ...(req.oidc as OidcAnonymousContext), user: { iss: '', sub: '' } }
