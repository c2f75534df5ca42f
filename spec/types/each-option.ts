/** Each option by its own type, one wrong value each: held by the compiler (`npm run check:types`), never run. */
import type {
  AuthRule,
  LoginParameters,
  LoginTokenParameters,
  LogoutParameters,
  OidcOptions,
  RouteOptions,
} from 'express-session-oidc'
import type { RedisRecordsOptions, RedisSessionStoreOptions } from 'express-session-oidc/redis'
import type { TestProviderOptions, UserAgentOptions } from 'express-session-oidc/testing'
import { holds, type Equal } from './helpers.ts'

type OptionalIn<T> = { [Key in keyof T]-?: object extends Pick<T, Key> ? Key : never }[keyof T]

/** Whether every optional member may also be there and undefined, which `exactOptionalPropertyTypes` tells apart. */
type MayBeUndefined<T> = Record<OptionalIn<T>, undefined> extends Pick<T, OptionalIn<T>> ? true : false

holds<
  [
    Equal<MayBeUndefined<{ a?: string }>, false>,
    MayBeUndefined<OidcOptions>,
    MayBeUndefined<RouteOptions>,
    MayBeUndefined<AuthRule>,
    MayBeUndefined<LoginParameters>,
    MayBeUndefined<LoginTokenParameters>,
    MayBeUndefined<LogoutParameters>,
    MayBeUndefined<RedisSessionStoreOptions>,
    MayBeUndefined<RedisRecordsOptions>,
    MayBeUndefined<TestProviderOptions>,
    MayBeUndefined<UserAgentOptions>,
  ]
>()

// What must be there.
type RequiredIn<T> = Exclude<keyof T, OptionalIn<T>>
holds<
  [
    Equal<RequiredIn<OidcOptions>, 'issuer' | 'clientId' | 'baseUrl'>,
    Equal<RequiredIn<RedisSessionStoreOptions>, 'client'>,
    Equal<RequiredIn<AuthRule>, never>,
    Equal<RequiredIn<LoginTokenParameters>, 'id'>,
  ]
>()

export const wrong: Partial<OidcOptions>[] = [
  // @ts-expect-error: an issuer is a text, a URL or metadata
  { issuer: 443 },
  // @ts-expect-error: the client's identifier is a text
  { clientId: undefined },
  // @ts-expect-error: a secret is a text
  { clientSecret: 12_345 },
  // @ts-expect-error: an address is a text or a URL
  { baseUrl: { host: 'app.example.com' } },
  // @ts-expect-error: a name is a text
  { name: 1 },
  // @ts-expect-error: a route is a path
  { routes: { login: false } },
  // @ts-expect-error: scope is a text or a list of such
  { scope: { openid: true } },
  // @ts-expect-error: secrets are texts
  { secret: [1, 2] },
  // @ts-expect-error: a hook is a function
  { afterLogin: '/welcome' },
  // @ts-expect-error: a hook gets the login, whose user cannot be told otherwise
  { afterLogin: (_req, login: { user: { admin: true } }) => void login },
  // @ts-expect-error: an answer is a function
  { onError: 503 },
  // @ts-expect-error: a page is a path
  { loginPage: true },
  // @ts-expect-error: roles are found at once
  { roles: async () => ['admin'] },
  // @ts-expect-error: one role is a list of one
  { roles: () => 'admin' },
  // @ts-expect-error: userinfo is asked at logins or not at all
  { userInfo: true },
  // @ts-expect-error: seconds are a number
  { maxLoginSeconds: '8h' },
  // @ts-expect-error: seconds are a number
  { providerTimeoutSeconds: '5' },
  // @ts-expect-error: seconds are a number
  { clockToleranceSeconds: null },
  // @ts-expect-error: origins are a list
  { allowedOrigins: 'https://www.example.com' },
  // @ts-expect-error: a path
  { postLogoutRedirect: new URL('https://www.example.com') },
  // @ts-expect-error: the fragment never reaches a server
  { responseMode: 'fragment' },
  // @ts-expect-error: yes or no
  { par: 'required' },
  // @ts-expect-error: yes or no
  { dpop: 'ES256' },
  // @ts-expect-error: records are an object of methods
  { records: new Map() },
  // @ts-expect-error: a store of sessions can destroy them
  { sessionStore: new Map() },
  // @ts-expect-error: a fetch answers with a Response
  { fetch: async () => ({ ok: true }) },
  // @ts-expect-error: yes or no
  { allowInsecureIssuer: 1 },
]

export const wrongParameters: LoginParameters[] = [
  // @ts-expect-error: seconds are a number
  { maxAuthAgeSeconds: '60' },
  // @ts-expect-error: several prompts are parted by spaces
  { prompt: ['login', 'consent'] },
  // @ts-expect-error: a path
  { returnTo: new URL('https://app.example.com/orders') },
  // @ts-expect-error: the state is ours
  { state: 'abc' },
  // @ts-expect-error: so is where the provider answers
  { redirectUri: 'https://app.example.com/callback' },
]
