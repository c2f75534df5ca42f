import type { JWK } from 'jose'
import type { TestChange, TestJsonObject } from './change.ts'
import type { TestKeyRotation } from './keys.ts'
import type { TestEndpoint, TestRequest } from './request.ts'

/**
 * A fault of an endpoint. `status`, `body`, `html` and `invalidJson` replace the endpoint's response, and the endpoint does
 * no work. The other members alter, delay or suppress the response.
 *
 * @example
 * provider.misbehave({ endpoints: { token: { status: 503, times: 1 } } })
 */
export interface TestEndpointFault {
  /** The HTTP status of the response, 200 to 599. Without another member that gives a body, the body is empty.
   * @default the status of the endpoint's response; 200 with `body`, `html` or `invalidJson`
   * @example provider.misbehave({ endpoints: { token: { status: 503 } } }) */
  readonly status?: number | undefined
  /** The body of the response: a string is sent as text, an object as JSON.
   * @default the body of the endpoint's response; empty with `status` alone
   * @example provider.misbehave({ endpoints: { token: { status: 400, body: { error: 'invalid_grant' } } } }) */
  readonly body?: string | object | undefined
  /** Header fields to set on the response.
   * @default none
   * @example provider.misbehave({ endpoints: { token: { status: 429, headers: { 'retry-after': '5' } } } }) */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** The Content-Type of the response.
   * @default the type of the body
   * @example provider.misbehave({ endpoints: { token: { contentType: 'text/plain' } } }) */
  readonly contentType?: string | undefined
  /** Answers with an HTML page, as an intermediate proxy might.
   * @default false
   * @example provider.misbehave({ endpoints: { token: { status: 502, html: true } } }) */
  readonly html?: boolean | undefined
  /** Answers with incomplete JSON.
   * @default false
   * @example provider.misbehave({ endpoints: { token: { invalidJson: true } } }) */
  readonly invalidJson?: boolean | undefined
  /** Announces the full length, sends half of the body and closes the connection.
   * @default false
   * @example provider.misbehave({ endpoints: { token: { truncate: true } } }) */
  readonly truncate?: boolean | undefined
  /** Sends the header and half of the body at once, and the rest only when the fault is undone.
   * @default false
   * @example provider.misbehave({ endpoints: { token: { stall: true } } }) */
  readonly stall?: boolean | undefined
  /** Pads the body with white space to this many bytes, so that JSON stays valid. With `Infinity`, the response never ends.
   * @default no padding
   * @example provider.misbehave({ endpoints: { token: { bytes: 10_000_000 } } }) */
  readonly bytes?: number | undefined
  /** Closes the connection without a response.
   * @default false
   * @example provider.misbehave({ endpoints: { token: { drop: true } } }) */
  readonly drop?: boolean | undefined
  /** Answers with bytes that are not HTTP, and closes the connection.
   * @default false
   * @example provider.misbehave({ endpoints: { token: { garbage: true } } }) */
  readonly garbage?: boolean | undefined
  /** Holds requests until the fault is undone; then the other members apply. If the provider stops before that, there is no
   * response.
   * @default false
   * @example const undo = provider.misbehave({ endpoints: { token: { hang: true } } }) */
  readonly hang?: boolean | undefined
  /** Holds requests for this long, in milliseconds of real time. Prefer `hang`, which needs no clock.
   * @default 0
   * @example provider.misbehave({ endpoints: { token: { delayMs: 200 } } }) */
  readonly delayMs?: number | undefined
  /** Lets the endpoint do its work (use up the code, rotate the refresh token) before its response is replaced, lost or
   * held.
   * @default false
   * @example provider.misbehave({ endpoints: { token: { drop: true, afterProcessing: true } } }) */
  readonly afterProcessing?: boolean | undefined
  /** The number of requests to which the fault applies.
   * @default all requests
   * @example provider.misbehave({ endpoints: { token: { status: 503, times: 1 } } }) */
  readonly times?: number | undefined
  /** Limits the fault to requests for which this function returns true.
   * @default all requests
   * @example
   * provider.misbehave({ endpoints: { token: { status: 503, when: ({ params }) => params.has('refresh_token') } } }) */
  readonly when?: ((request: TestRequest) => boolean) | undefined
}

/**
 * A signature that a relying party must reject:
 *
 * - `corrupt`: one bit is wrong.
 * - `none`: unsigned, with `alg: none`.
 * - `other-key`: made with an unpublished key, under the current `kid`.
 * - `wrong-alg`: valid, but made with a published key whose algorithm the metadata do not list.
 * - `hs256`: HMAC with the client secret.
 * - `hs256-public-key`: HMAC with the public key as the secret.
 */
export type TestBadSignature = 'corrupt' | 'none' | 'other-key' | 'wrong-alg' | 'hs256' | 'hs256-public-key'

/**
 * The faults of one kind of token.
 *
 * @example
 * provider.misbehave({ idToken: { claims: { nonce: undefined }, grant: 'authorization_code' } })
 */
export interface TestTokenFault {
  /** Alters the claims before signing.
   * @default no change
   * @example provider.misbehave({ idToken: { claims: { aud: 'another-client' } } }) */
  readonly claims?: TestChange<TestJsonObject> | undefined
  /** Alters the header. The token is still signed with the same key and algorithm.
   * @default no change
   * @example provider.misbehave({ idToken: { header: { typ: 'at+jwt' } } }) */
  readonly header?: TestChange<TestJsonObject> | undefined
  /** Alters the JSON text of the claims before signing. It allows duplicate members and invalid JSON.
   * @default no change
   * @example provider.misbehave({ idToken: { payload: (json) => json.replace('"sub"', '"sub":"mallory","sub"') } }) */
  readonly payload?: ((json: string) => string) | undefined
  /** Replaces the signature by one that a relying party must reject.
   * @default a valid signature
   * @example provider.misbehave({ idToken: { signature: 'other-key' } }) */
  readonly signature?: TestBadSignature | undefined
  /** Sends this text instead of the token.
   * @default the token
   * @example provider.misbehave({ idToken: { raw: 'not a token' } }) */
  readonly raw?: string | ((token: string) => string) | undefined
  /** Leaves the token out of the response.
   * @default false
   * @example provider.misbehave({ idToken: { omit: true } }) */
  readonly omit?: boolean | undefined
  /** Limits the fault to tokens issued for this grant type.
   * @default all grant types
   * @example provider.misbehave({ idToken: { omit: true, grant: 'refresh_token' } }) */
  readonly grant?:
    'authorization_code' | 'refresh_token' | 'urn:ietf:params:oauth:grant-type:token-exchange' | undefined
  /** The number of tokens to which the fault applies.
   * @default all tokens
   * @example provider.misbehave({ idToken: { signature: 'corrupt', times: 1 } }) */
  readonly times?: number | undefined
}

/** Faults of the userinfo response. Members other than `claims` and `times` make it a signed JWT (OIDC Core 5.3.2). */
export interface TestUserInfoFault extends Omit<TestTokenFault, 'omit' | 'grant'> {
  /** Answers with a signed JWT.
   * @default false
   * @example provider.misbehave({ userInfo: { signed: true } }) */
  readonly signed?: boolean | undefined
}

/** The parameters of a response that goes through the browser. An array repeats a parameter. */
export type TestResponseParameters = Record<string, string | readonly string[] | undefined>

/** A key rotation during a token response. */
export interface TestRotationFault extends TestKeyRotation {
  /** `before-signing`: the tokens are signed with a new key, which clients do not have yet. `after-signing`: the key is
   * rotated after the tokens are signed, so that they have a former key.
   * @example provider.misbehave({ rotateKeys: { when: 'after-signing', keepOld: true } }) */
  readonly when: 'before-signing' | 'after-signing'
}

/**
 * The faults of the provider. Faults combine, whether they come from one call of `misbehave` or from several.
 *
 * @example
 * provider.misbehave({ endpoints: { userinfo: { drop: true } }, idToken: { signature: 'corrupt' } })
 */
export interface TestFaults {
  /** Faults by endpoint. If several apply to a request, the latest one takes effect.
   * @default none
   * @example provider.misbehave({ endpoints: { jwks: { status: 500 } } }) */
  readonly endpoints?: Readonly<Partial<Record<TestEndpoint, TestEndpointFault>>> | undefined
  /** Answers in place of any endpoint, unless it returns undefined. It takes precedence over `endpoints`.
   * @default none
   * @example provider.misbehave({ respond: ({ url }) => (url.includes('acr_values') ? Response.json({}) : undefined) }) */
  readonly respond?: ((request: TestRequest) => Response | undefined | Promise<Response | undefined>) | undefined
  /** Alters the provider metadata.
   * @default no change
   * @example provider.misbehave({ metadata: { end_session_endpoint: undefined } }) */
  readonly metadata?: TestChange<TestJsonObject> | undefined
  /** Alters the published key set. `oddKeys()` creates keys to add.
   * @default no change
   * @example provider.misbehave({ jwks: () => ({ keys: [] }) }) */
  readonly jwks?: TestChange<{ keys: JWK[] }> | undefined
  /** Alters the parameters of authorization responses, error responses included.
   * @default no change
   * @example provider.misbehave({ authorizationResponse: { state: 'another' } }) */
  readonly authorizationResponse?: TestChange<TestResponseParameters> | undefined
  /** Alters the body of successful token responses.
   * @default no change
   * @example provider.misbehave({ tokenResponse: { expires_in: undefined } }) */
  readonly tokenResponse?: TestChange<TestJsonObject> | undefined
  /** Faults of ID tokens.
   * @default none
   * @example provider.misbehave({ idToken: { signature: 'corrupt' } }) */
  readonly idToken?: TestTokenFault | undefined
  /** Faults of access tokens. The provider accepts such a token in the form in which it was sent.
   * @default none
   * @example provider.misbehave({ accessToken: { omit: true } }) */
  readonly accessToken?: TestTokenFault | undefined
  /** Faults of logout tokens.
   * @default none
   * @example provider.misbehave({ logoutToken: { claims: { events: undefined } } }) */
  readonly logoutToken?: TestTokenFault | undefined
  /** Faults of userinfo responses.
   * @default none
   * @example provider.misbehave({ userInfo: { claims: { sub: 'mallory' } } }) */
  readonly userInfo?: TestUserInfoFault | undefined
  /** Alters the parameters of the response to an end-session request.
   * @default no change
   * @example provider.misbehave({ logoutResponse: { state: undefined } }) */
  readonly logoutResponse?: TestChange<TestResponseParameters> | undefined
  /** Rotates the keys at each token response, before or after its tokens are signed.
   * @default no rotation
   * @example provider.misbehave({ rotateKeys: 'before-signing' }) */
  readonly rotateKeys?: 'before-signing' | 'after-signing' | TestRotationFault | undefined
}
