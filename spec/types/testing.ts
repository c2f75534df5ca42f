/** What the test provider and the user agent take and refuse: held by the compiler (`npm run check:types`), never run. */
import type { Agent } from 'node:http'
import { createOidc } from 'express-session-oidc'
import type * as testing from 'express-session-oidc/testing'
import {
  createUserAgent,
  startTestProvider,
  type TestProvider,
  type UserAgent,
  type UserAgentResponse,
} from 'express-session-oidc/testing'
import { holds, type AnyIn, type Equal } from './helpers.ts'

declare const provider: TestProvider
declare const browser: UserAgent
declare const page: UserAgentResponse

/** Types of Node, which have `any` in them. */
type Others = Agent | AbortSignal | Response | URL | URLSearchParams

type Found<T> = AnyIn<T, Others>
holds<
  [
    Equal<Found<typeof testing.startTestProvider>, never>,
    Equal<Found<typeof testing.createUserAgent>, never>,
    Equal<Found<testing.TestProviderOptions>, never>,
    Equal<Found<testing.TestProviderConnection>, never>,
    Equal<Found<testing.TestFaults>, never>,
    Equal<Found<testing.TestRequest>, never>,
    Equal<Found<testing.UserAgent>, never>,
    Equal<Found<testing.UserAgentResponse>, never>,
    Equal<Found<testing.CookieJar>, never>,
    Equal<ReturnType<UserAgentResponse['json']>, testing.JsonObject>,
    Equal<ReturnType<typeof startTestProvider>, Promise<TestProvider>>,
  ]
>()

// Its settings are options as they are.
createOidc({ ...provider.settings(), baseUrl: 'http://127.0.0.1:3000' })

// @ts-expect-error: no such algorithm of refresh tokens
void startTestProvider({ refreshTokens: 'sliding' })
// @ts-expect-error: users are a list
void startTestProvider({ users: { alice: {} } })
// @ts-expect-error: a user has a subject
void startTestProvider({ users: [{ claims: {} }] })
// @ts-expect-error: what a user can reach is a list
void startTestProvider({ users: [{ sub: 'alice', acrValues: 'gold' }] })
// @ts-expect-error: a client has an identifier
void startTestProvider({ clients: [{ clientSecret: 'web-secret' }] })
// @ts-expect-error: a client may exchange tokens or may not
void startTestProvider({ clients: [{ clientId: 'web', tokenExchange: 'yes' }] })
// @ts-expect-error: nonces are required or there are none
void startTestProvider({ dpopNonces: 'offered' })
// @ts-expect-error: resources are a list
void startTestProvider({ resources: 'https://orders.example' })
// @ts-expect-error: an unknown option
void startTestProvider({ user: 'alice' })
// @ts-expect-error: no such fault
provider.misbehave({ idTokens: 'none' })
provider.misbehave({ accessToken: { grant: 'urn:ietf:params:oauth:grant-type:token-exchange' } })
// @ts-expect-error: no such grant
provider.misbehave({ accessToken: { grant: 'client_credentials' } })
// @ts-expect-error: what it was asked is not to be changed
provider.requests.push(provider.requests[0])
// @ts-expect-error: no such endpoint
provider.requestsTo('tokens')
provider.rotateDpopNonce({ keepOld: true })
// @ts-expect-error: nonces have no names
provider.rotateDpopNonce('next')
// @ts-expect-error: what users grant is a list, or undefined
provider.grantOnly('email')
// @ts-expect-error: who is at the keyboard is said, nobody by undefined
provider.signIn()
// @ts-expect-error: an unknown option
createUserAgent({ baseURL: 'http://127.0.0.1:3000' })
// @ts-expect-error: followed, or handed back
void browser.get('/', { redirect: 'error' })
// @ts-expect-error: a page is opened, never fetched with a method
void browser.get('/', { method: 'POST' })
// @ts-expect-error: what is clicked is on a page
void browser.click('/', 'Log in')
// @ts-expect-error: what a server answers is for the spec to judge
export const subject: string = page.json()['sub']
