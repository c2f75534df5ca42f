/** Each option with an invalid value. Checked by the compiler (`npm run check:types`), never run. */
import { keycloak } from 'express-session-oidc'
import type {
  OidcAuthRule,
  OidcLoginParameters,
  OidcLoginTokenParameters,
  OidcLogoutParameters,
  OidcOptions,
  OidcBaseOptions,
  OidcRouteOptions,
} from 'express-session-oidc'
import type { RedisRecordsOptions, RedisSessionStoreOptions } from 'express-session-oidc/redis'
import type { TestProviderOptions, UserAgentOptions } from 'express-session-oidc/testing'
import { holds, type Equal } from './helpers.ts'

type OptionalIn<T> = { [Key in keyof T]-?: object extends Pick<T, Key> ? Key : never }[keyof T]

/** Whether every optional member may also be undefined, which `exactOptionalPropertyTypes` distinguishes from missing. */
type MayBeUndefined<T> = Record<OptionalIn<T>, undefined> extends Pick<T, OptionalIn<T>> ? true : false

holds<
  [
    Equal<MayBeUndefined<{ a?: string }>, false>,
    MayBeUndefined<OidcBaseOptions>,
    MayBeUndefined<OidcRouteOptions>,
    MayBeUndefined<OidcLoginParameters>,
    MayBeUndefined<OidcLoginTokenParameters>,
    MayBeUndefined<OidcLogoutParameters>,
    MayBeUndefined<RedisSessionStoreOptions>,
    MayBeUndefined<RedisRecordsOptions>,
    MayBeUndefined<TestProviderOptions>,
    MayBeUndefined<UserAgentOptions>,
  ]
>()

// A requirement is never undefined, so that an unset variable opens no route.
type UndefinedIn<T> = { [Key in keyof T]-?: Record<Key, undefined> extends Pick<T, Key> ? Key : never }[keyof T]
holds<[Equal<UndefinedIn<OidcAuthRule>, 'redirect'>, Equal<UndefinedIn<{ a?: 1; b: 2 | undefined }>, 'b'>]>()

// Required members.
type RequiredIn<T> = Exclude<keyof T, OptionalIn<T>>
holds<
  [
    Equal<RequiredIn<OidcBaseOptions>, 'clientId' | 'baseUrl'>,
    Equal<RequiredIn<RedisSessionStoreOptions>, 'client'>,
    Equal<RequiredIn<OidcAuthRule>, never>,
    Equal<RequiredIn<OidcLoginTokenParameters>, 'id'>,
  ]
>()

const { ...copy } = keycloak({ url: 'https://id.example.com', realm: 'acme' })

export const wrong: Partial<OidcOptions>[] = [
  // @ts-expect-error: an issuer is a string, a URL or metadata
  { issuer: 443 },
  // @ts-expect-error: a provider is made by `keycloak()`, `entra()` or `customProvider()`
  { provider: 'keycloak' },
  // @ts-expect-error: a provider is not an object of settings
  { provider: { issuer: 'https://id.example.com', roles: () => [] } },
  // @ts-expect-error: a copy of a provider has lost its rules
  { provider: copy },
  // @ts-expect-error: a provider is passed as `provider`
  { issuer: keycloak({ url: 'https://id.example.com', realm: 'acme' }) },
  // @ts-expect-error: a rule is part of a provider
  { accept: () => true },
  // @ts-expect-error: the client id is a string
  { clientId: undefined },
  // @ts-expect-error: a secret is a string
  { clientSecret: 12_345 },
  // @ts-expect-error: a base URL is a string or a URL
  { baseUrl: { host: 'app.example.com' } },
  // @ts-expect-error: a name is a string
  { name: 1 },
  // @ts-expect-error: a route is a path
  { routes: { login: false } },
  // @ts-expect-error: a type is required or optional
  { logoutTokenType: 'logout+jwt' },
  // @ts-expect-error: a scope is a string or an array of strings
  { scope: { openid: true } },
  // @ts-expect-error: secrets are strings
  { secret: [1, 2] },
  // @ts-expect-error: a hook is a function
  { afterLogin: '/welcome' },
  // @ts-expect-error: a hook cannot declare another type of user
  { afterLogin: (_req, login: { user: { admin: true } }) => void login },
  // @ts-expect-error: an error handler is a function
  { onError: 503 },
  // @ts-expect-error: the login page is a path
  { loginPage: true },
  // @ts-expect-error: roles must be returned synchronously
  { roles: async () => ['admin'] },
  // @ts-expect-error: roles are an array, even with one role
  { roles: () => 'admin' },
  // @ts-expect-error: `userInfo` is a boolean
  { userInfo: 'login' },
  // @ts-expect-error: seconds are a number
  { maxLoginSeconds: '8h' },
  // @ts-expect-error: seconds are a number
  { providerTimeoutSeconds: '5' },
  // @ts-expect-error: seconds are a number
  { clockToleranceSeconds: null },
  // @ts-expect-error: origins are an array
  { allowedOrigins: 'https://www.example.com' },
  // @ts-expect-error: the value must be a path
  { postLogoutRedirect: new URL('https://www.example.com') },
  // @ts-expect-error: the value must be a boolean
  { logoutHint: 'alice@example.com' },
  // @ts-expect-error: a fragment never reaches a server
  { responseMode: 'fragment' },
  // @ts-expect-error: the value must be a boolean
  { par: 'required' },
  // @ts-expect-error: the value must be a boolean
  { dpop: 'ES256' },
  // @ts-expect-error: records are an object of methods
  { records: new Map() },
  // @ts-expect-error: a session store has the method destroy
  { sessionStore: new Map() },
  // @ts-expect-error: a fetch function must resolve to a Response
  { fetch: async () => ({ ok: true }) },
  // @ts-expect-error: the value must be a boolean
  { allowInsecureIssuer: 1 },
]

export const wrongParameters: OidcLoginParameters[] = [
  // @ts-expect-error: seconds are a number
  { maxAuthAgeSeconds: '60' },
  // @ts-expect-error: several prompts are a string with spaces
  { prompt: ['login', 'consent'] },
  // @ts-expect-error: the value must be a path
  { returnTo: new URL('https://app.example.com/orders') },
  // @ts-expect-error: the package sets the state
  { state: 'abc' },
  // @ts-expect-error: the package sets the redirect URI
  { redirectUri: 'https://app.example.com/callback' },
]
