/** What a request is known to carry, before and after asking: held by the compiler (`npm run check:types`), never run. */
import type { Request, Response } from 'express'
import type { AnonymousContext, LoginContext, Oidc, OidcContext, StandardClaims, User } from 'express-session-oidc'
import { holds, type Equal } from './helpers.ts'

declare const req: Request
declare const res: Response
declare const oidc: Oidc<{ tenant: string }>

// The union, and what each side of it says of the user.
holds<
  [
    Equal<OidcContext, AnonymousContext | LoginContext>,
    Equal<AnonymousContext['isAuthenticated'], false>,
    Equal<LoginContext['isAuthenticated'], true>,
    Equal<AnonymousContext['user'], undefined>,
    Equal<LoginContext<{ tenant: string }>['user'], User<{ tenant: string }>>,
    Equal<OidcContext['user'], User | undefined>,
    Equal<User, Readonly<{ iss: string; sub: string } & StandardClaims>>,
  ]
>()

export function greeting(): string {
  if (!req.oidc.isAuthenticated) {
    // @ts-expect-error: nobody has no subject
    void req.oidc.user.sub
    return 'stranger'
  }
  const { sub, name, email_verified } = req.oidc.user
  holds<[Equal<typeof sub, string>, Equal<typeof name, string | undefined>]>()
  holds<Equal<typeof email_verified, boolean | undefined>>()
  // @ts-expect-error: of claims of the application's own, `req.oidc` does not know; `oidc.user(req)` does
  void req.oidc.user.tenant
  return name ?? sub
}

// Reading the user, too, tells the sides apart.
if (req.oidc.user) holds<Equal<typeof req.oidc.user, User>>()

export async function misuse(): Promise<void> {
  const context = oidc.context(req)
  // @ts-expect-error: there may be nobody
  void context.user.tenant
  // @ts-expect-error: roles are not to be added to
  context.roles.push('admin')
  // @ts-expect-error: nor scope
  context.scope.push('admin')
  // @ts-expect-error: one role at a time
  context.hasRole(['admin', 'user'])
  // @ts-expect-error: tokens are asked for
  void context.tokens.accessToken
  // @ts-expect-error: and waited for
  void context.tokens().accessToken
  const tokens = await context.tokens()
  // @ts-expect-error: not to be changed
  tokens.accessToken = ''
  // @ts-expect-error: the provider may not have said
  void tokens.expiresAt.toFixed()
  // @ts-expect-error: parameters of a login, not of the protocol
  await context.login({ redirect_uri: 'https://app.example.com/callback' })
  // @ts-expect-error: a logout has no scope
  await context.logout({ scope: 'openid' })
  // @ts-expect-error: the login is the request's
  void res.oidc
}

// @ts-expect-error: a login of standard claims says nothing of the tenant
export const narrowed: OidcContext<{ tenant: string }> = req.oidc
// @ts-expect-error: nobody is logged in there, so there is no user
export const anonymous: AnonymousContext = { ...(req.oidc as AnonymousContext), user: { iss: '', sub: '' } }
