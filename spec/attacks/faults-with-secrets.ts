/** Failures of a login that involve secrets: many of them echo or carry some. */
import { randomBytes } from 'node:crypto'
import { LoginRefused, type OidcFinishedLogin } from 'express-session-oidc'
import type { TestFaults } from 'express-session-oidc/testing'
import type { Watch } from './secret-watch.ts'

/** An endpoint that echoes the credentials and the body of the request. */
function echo(endpoint: string, status: number, body: (what: string) => unknown): TestFaults {
  return {
    respond: ({ endpoint: requested, body: sent, headers, url }) => {
      if (requested !== endpoint) return undefined
      const { authorization = '' } = headers
      // RFC 6749 2.3.1: credentials in the header are form-urlencoded.
      const [, basic = ''] = /^Basic (.*)$/.exec(authorization) ?? []
      const credentials = Buffer.from(basic, 'base64').toString()
      const decoded = [credentials, sent].map((text) => decodeURIComponent(text.replaceAll('+', ' ')))
      const answer = body([credentials, sent, ...decoded, authorization, url].join(' '))
      return typeof answer === 'string'
        ? new Response(answer, { status, headers: { 'content-type': 'text/html' } })
        : Response.json(answer, { status })
    },
  }
}

/** Failures of the provider during a login: name, permitted status, and fault. */
export const loginFaults: [string, number | readonly number[], (watch: Watch) => TestFaults][] = [
  ['an ID token with an invalid signature', 502, () => ({ idToken: { signature: 'corrupt' } })],
  ['an ID token without a signature', 502, () => ({ idToken: { signature: 'none' } })],
  ['an ID token signed with the client secret', 502, () => ({ idToken: { signature: 'hs256' } })],
  ['an ID token of another issuer', 502, () => ({ idToken: { claims: { iss: 'https://evil.example' } } })],
  ['an ID token with another nonce', 502, () => ({ idToken: { claims: { nonce: 'another' } } })],
  ['an ID token without a subject', 502, () => ({ idToken: { claims: { sub: undefined } } })],
  ['an ID token that is not a JWT', 502, () => ({ idToken: { raw: (token) => token.replaceAll('.', '') } })],
  ['an ID token whose claims are not JSON', 502, () => ({ idToken: { payload: (json) => json.slice(0, -5) } })],
  ['no ID token', 502, () => ({ idToken: { omit: true } })],
  [
    'an access token that no header can carry',
    [502, 503],
    (watch) => ({ tokenResponse: (body) => withLine(body, watch) }),
  ],
  ['an unknown token type', 502, () => ({ tokenResponse: { token_type: 'mac' } })],
  [
    'an access token that is not a string',
    502,
    () => ({ tokenResponse: (body) => ({ ...body, access_token: [body.access_token] }) }),
  ],
  ['a userinfo response with another subject', 502, () => ({ userInfo: { claims: { sub: 'mallory' } } })],
  ['a userinfo response with an invalid signature', 502, () => ({ userInfo: { signature: 'corrupt' } })],
  ['a userinfo response in HTML', 503, () => ({ endpoints: { userinfo: { html: true } } })],
  ['a userinfo endpoint that echoes the token', 503, () => echo('userinfo', 200, (what) => `<p>${what}</p>`)],
  [
    'a userinfo endpoint that rejects and echoes the token',
    502,
    () => echo('userinfo', 401, (what) => ({ error: 'invalid_token', error_description: what })),
  ],
  [
    'a rejected client, with an echo of the request in error_description',
    500,
    () => echo('token', 401, (what) => ({ error: 'invalid_client', error_description: what })),
  ],
  [
    'a rejected client, with an echo of the request in error',
    500,
    () => echo('token', 400, (what) => ({ error: what })),
  ],
  [
    'a rejected code, with an echo of the request in error_description',
    400,
    () => echo('token', 400, (what) => ({ error: 'invalid_grant', error_description: what })),
  ],
  [
    'a failing token endpoint that echoes the request in HTML',
    503,
    () => echo('token', 500, (what) => `<p>${what}</p>`),
  ],
  ['a token endpoint that echoes the request instead of JSON', 503, () => echo('token', 200, (what) => what)],
  ['a truncated token response', 503, () => ({ endpoints: { token: { truncate: true, afterProcessing: true } } })],
  [
    'a token response that is invalid JSON',
    503,
    () => ({ endpoints: { token: { invalidJson: true, afterProcessing: true } } }),
  ],
  [
    'an invalid key set',
    503,
    () => ({ idToken: { header: { kid: 'another' } }, endpoints: { jwks: { body: 'none' } } }),
  ],
  [
    'a provider that denies the login',
    403,
    () => ({ authorizationResponse: { code: undefined, error: 'access_denied' } }),
  ],
  [
    'a provider that sends both a code and an error',
    400,
    () => ({ authorizationResponse: { error: 'server_error', error_description: 'no' } }),
  ],
  [
    'an authorization response of another issuer',
    502,
    () => ({ authorizationResponse: { iss: 'https://evil.example' } }),
  ],
  [
    'an authorization response with a duplicate code',
    400,
    () => ({
      authorizationResponse: (given) => ({ ...given, code: [String(given['code']), String(given['code'])] }),
    }),
  ],
]

function withLine(body: Record<string, unknown>, watch: Watch): Record<string, unknown> {
  const token = `access-token-of-two-lines-${randomBytes(12).toString('hex')}\n${randomBytes(12).toString('hex')}`
  watch.plant('an access token of two lines', token)
  // The same token in a text that was reduced to one line.
  watch.plant('an access token of two lines, on one', token.replace('\n', ' '))
  return { ...body, access_token: token }
}

/** What a hook does with the tokens, and the status of the answer. */
export const hookFaults: [string, number, (login: OidcFinishedLogin) => unknown][] = [
  [
    'throws an error with a token in its message',
    500,
    ({ tokens }) => throws(new Error(`the API refused ${tokens.accessToken}`)),
  ],
  ['throws an error with all tokens in its message', 500, ({ tokens }) => throws(new Error(JSON.stringify(tokens)))],
  [
    'throws an error with tokens in its properties',
    500,
    ({ tokens }) =>
      throws(
        Object.assign(new Error('refused'), {
          config: { headers: { authorization: `Bearer ${tokens.accessToken}` } },
          tokens,
        }),
      ),
  ],
  ['throws an error with tokens in its cause', 500, ({ tokens }) => throws(new Error('refused', { cause: tokens }))],
  [
    'throws an AggregateError with a token',
    500,
    ({ tokens }) => throws(new AggregateError([new Error(tokens.idToken)], 'several')),
  ],
  ['throws a token', 500, ({ tokens }) => throws(tokens.refreshToken)],
  ['throws all tokens as an object', 500, ({ tokens }) => throws(tokens)],
  [
    'rejects with a token in the message',
    500,
    ({ tokens }) =>
      Promise.reject(new TypeError(`fetch of https://api.example.com/?t=${encodeURIComponent(tokens.accessToken)}`)),
  ],
  [
    'throws the error of a parser that was given a token',
    500,
    ({ tokens }) => JSON.parse(tokens.accessToken) as unknown,
  ],
  ['redirects to another site with a token', 500, ({ tokens }) => `https://elsewhere.example/#${tokens.idToken}`],
  ['rejects the login with LoginRefused', 403, () => throws(new LoginRefused('Not you.'))],
]

/** Failures of the PAR endpoint. */
export const pushFaults: [string, number, () => TestFaults][] = [
  [
    'rejects the client and echoes the request',
    500,
    () => echo('par', 401, (what) => ({ error: 'invalid_client', error_description: what })),
  ],
  [
    'echoes the request in reverse order',
    500,
    () =>
      echo('par', 400, (what) => ({
        error: 'invalid_request',
        error_description: what.split(' ').toReversed().join(' '),
      })),
  ],
  ['fails and echoes the request in HTML', 503, () => echo('par', 500, (what) => `<p>${what}</p>`)],
  ['truncates its response', 503, () => ({ endpoints: { par: { truncate: true } } })],
]

export function throws(thrown: unknown): never {
  // oxlint-disable-next-line typescript/only-throw-error
  throw thrown
}
