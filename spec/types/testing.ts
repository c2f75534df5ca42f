/** What the test provider and the user agent accept and reject. Checked by the compiler (`npm run check:types`). */
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

/** Types of Node, which contain `any`. */
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
    Equal<ReturnType<UserAgentResponse['json']>, testing.TestJsonObject>,
    Equal<ReturnType<typeof startTestProvider>, Promise<TestProvider>>,
  ]
>()

// The settings of the provider are valid options.
createOidc({ ...provider.settings(), baseUrl: 'http://127.0.0.1:3000' })

// @ts-expect-error: an unknown kind of refresh tokens
void startTestProvider({ refreshTokens: 'sliding' })
// @ts-expect-error: users are an array
void startTestProvider({ users: { alice: {} } })
// @ts-expect-error: the subject of the user is missing
void startTestProvider({ users: [{ claims: {} }] })
// @ts-expect-error: `acrValues` is an array
void startTestProvider({ users: [{ sub: 'alice', acrValues: 'gold' }] })
// @ts-expect-error: the client id is missing
void startTestProvider({ clients: [{ clientSecret: 'web-secret' }] })
// @ts-expect-error: `tokenExchange` is a boolean
void startTestProvider({ clients: [{ clientId: 'web', tokenExchange: 'yes' }] })
// @ts-expect-error: `dpopNonces` is `none` or `required`
void startTestProvider({ dpopNonces: 'offered' })
// @ts-expect-error: resources are an array
void startTestProvider({ resources: 'https://orders.example' })
// @ts-expect-error: an unknown option
void startTestProvider({ user: 'alice' })
// @ts-expect-error: the fault does not exist
provider.misbehave({ idTokens: 'none' })
provider.misbehave({ accessToken: { grant: 'urn:ietf:params:oauth:grant-type:token-exchange' } })
// @ts-expect-error: the grant does not exist
provider.misbehave({ accessToken: { grant: 'client_credentials' } })
// @ts-expect-error: `requests` is read-only
provider.requests.push(provider.requests[0])
// @ts-expect-error: the endpoint does not exist
provider.requestsTo('tokens')
provider.rotateDpopNonce({ keepOld: true })
// @ts-expect-error: a nonce has no name
provider.rotateDpopNonce('next')
// @ts-expect-error: the granted scope is an array or undefined
provider.grantOnly('email')
// @ts-expect-error: the argument is required; `undefined` means nobody
provider.signIn()
// @ts-expect-error: an unknown option
createUserAgent({ baseURL: 'http://127.0.0.1:3000' })
// @ts-expect-error: `redirect` is `follow` or `manual`
void browser.get('/', { redirect: 'error' })
// @ts-expect-error: `get()` has no other method
void browser.get('/', { method: 'POST' })
// @ts-expect-error: `click()` takes a page
void browser.click('/', 'Log in')
// @ts-expect-error: the members of JSON are unknown
export const subject: string = page.json()['sub']
