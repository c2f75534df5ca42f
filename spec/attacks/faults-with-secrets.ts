/** What goes wrong with a login while secrets are at hand: many of these ways repeat or carry some of them. */
import { randomBytes } from 'node:crypto'
import { LoginRefused, type FinishedLogin } from 'express-session-oidc'
import type { TestFaults } from 'express-session-oidc/testing'
import type { Watch } from './secret-watch.ts'

/** The endpoint of the provider echoes what it was sent, in its own words. */
function echo(endpoint: string, status: number, body: (what: string) => unknown): TestFaults {
  return {
    respond: ({ endpoint: asked, body: sent, headers, url }) => {
      if (asked !== endpoint) return undefined
      const { authorization = '' } = headers
      // RFC 6749 2.3.1: what stands in the header is encoded as in a form.
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

/** What goes wrong at the provider of a login: what, the status that may be answered, and how. */
export const loginFaults: [string, number | readonly number[], (watch: Watch) => TestFaults][] = [
  ['an ID token with a bad signature', 502, () => ({ idToken: { signature: 'corrupt' } })],
  ['an ID token without a signature', 502, () => ({ idToken: { signature: 'none' } })],
  ['an ID token signed with the client secret', 502, () => ({ idToken: { signature: 'hs256' } })],
  ['an ID token of another issuer', 502, () => ({ idToken: { claims: { iss: 'https://evil.example' } } })],
  ['an ID token with another nonce', 502, () => ({ idToken: { claims: { nonce: 'another' } } })],
  ['an ID token without a subject', 502, () => ({ idToken: { claims: { sub: undefined } } })],
  ['an ID token that is none', 502, () => ({ idToken: { raw: (token) => token.replaceAll('.', '') } })],
  ['an ID token whose claims are no JSON', 502, () => ({ idToken: { payload: (json) => json.slice(0, -5) } })],
  ['no ID token', 502, () => ({ idToken: { omit: true } })],
  [
    'an access token that fits into no header',
    [502, 503],
    (watch) => ({ tokenResponse: (body) => withLine(body, watch) }),
  ],
  ['a token type that is unknown', 502, () => ({ tokenResponse: { token_type: 'mac' } })],
  [
    'tokens that are no texts',
    502,
    () => ({ tokenResponse: (body) => ({ ...body, access_token: [body.access_token] }) }),
  ],
  ['a userinfo answer about another', 502, () => ({ userInfo: { claims: { sub: 'mallory' } } })],
  ['a userinfo answer with a bad signature', 502, () => ({ userInfo: { signature: 'corrupt' } })],
  ['a userinfo answer that is a page', 503, () => ({ endpoints: { userinfo: { html: true } } })],
  ['a userinfo endpoint that echoes the token', 503, () => echo('userinfo', 200, (what) => `<p>${what}</p>`)],
  [
    'a userinfo endpoint that refuses and echoes',
    502,
    () => echo('userinfo', 401, (what) => ({ error: 'invalid_token', error_description: what })),
  ],
  [
    'a refused client, with an echo of its request',
    500,
    () => echo('token', 401, (what) => ({ error: 'invalid_client', error_description: what })),
  ],
  ['a refused client, with an echo as its error', 500, () => echo('token', 400, (what) => ({ error: what }))],
  [
    'a refused code, with an echo of its request',
    400,
    () => echo('token', 400, (what) => ({ error: 'invalid_grant', error_description: what })),
  ],
  ['a failing token endpoint, with an echo on a page', 503, () => echo('token', 500, (what) => `<p>${what}</p>`)],
  ['a token endpoint that echoes in the place of JSON', 503, () => echo('token', 200, (what) => what)],
  [
    'a token response that breaks off',
    503,
    () => ({ endpoints: { token: { truncate: true, afterProcessing: true } } }),
  ],
  [
    'a token response that is no JSON any more',
    503,
    () => ({ endpoints: { token: { invalidJson: true, afterProcessing: true } } }),
  ],
  [
    'a key set that is none',
    503,
    () => ({ idToken: { header: { kid: 'another' } }, endpoints: { jwks: { body: 'none' } } }),
  ],
  [
    'a provider that refuses the login',
    403,
    () => ({ authorizationResponse: { code: undefined, error: 'access_denied' } }),
  ],
  [
    'a provider that sends both a code and an error',
    400,
    () => ({ authorizationResponse: { error: 'server_error', error_description: 'no' } }),
  ],
  ['a response of another issuer', 502, () => ({ authorizationResponse: { iss: 'https://evil.example' } })],
  [
    'a response with the code twice',
    400,
    () => ({
      authorizationResponse: (given) => ({ ...given, code: [String(given['code']), String(given['code'])] }),
    }),
  ],
]

function withLine(body: Record<string, unknown>, watch: Watch): Record<string, unknown> {
  const token = `access-token-of-two-lines-${randomBytes(12).toString('hex')}\n${randomBytes(12).toString('hex')}`
  watch.plant('an access token of two lines', token)
  // As it is after a text was made one line.
  watch.plant('an access token of two lines, on one', token.replace('\n', ' '))
  return { ...body, access_token: token }
}

/** What a hook does with the tokens that it gets, and the status that is answered. */
export const hookFaults: [string, number, (login: FinishedLogin) => unknown][] = [
  [
    'throws an error that says a token',
    500,
    ({ tokens }) => throws(new Error(`the API refused ${tokens.accessToken}`)),
  ],
  ['throws an error that says all tokens', 500, ({ tokens }) => throws(new Error(JSON.stringify(tokens)))],
  [
    'throws an error that carries tokens',
    500,
    ({ tokens }) =>
      throws(
        Object.assign(new Error('refused'), {
          config: { headers: { authorization: `Bearer ${tokens.accessToken}` } },
          tokens,
        }),
      ),
  ],
  ['throws an error whose cause has tokens', 500, ({ tokens }) => throws(new Error('refused', { cause: tokens }))],
  [
    'throws several errors with tokens',
    500,
    ({ tokens }) => throws(new AggregateError([new Error(tokens.idToken)], 'several')),
  ],
  ['throws the token itself', 500, ({ tokens }) => throws(tokens.refreshToken)],
  ['throws the tokens', 500, ({ tokens }) => throws(tokens)],
  [
    'rejects with a token',
    500,
    ({ tokens }) =>
      Promise.reject(new TypeError(`fetch of https://api.example.com/?t=${encodeURIComponent(tokens.accessToken)}`)),
  ],
  ['throws what a parser says of a token', 500, ({ tokens }) => JSON.parse(tokens.accessToken) as unknown],
  ['sends the user to another site with a token', 500, ({ tokens }) => `https://elsewhere.example/#${tokens.idToken}`],
  ['refuses the login', 403, () => throws(new LoginRefused('Not you.'))],
]

/** What goes wrong at the endpoint for pushed authorization requests. */
export const pushFaults: [string, number, () => TestFaults][] = [
  [
    'refuses the client and echoes its request',
    500,
    () => echo('par', 401, (what) => ({ error: 'invalid_client', error_description: what })),
  ],
  [
    'echoes its request the other way round',
    500,
    () =>
      echo('par', 400, (what) => ({
        error: 'invalid_request',
        error_description: what.split(' ').toReversed().join(' '),
      })),
  ],
  ['fails and echoes on a page', 503, () => echo('par', 500, (what) => `<p>${what}</p>`)],
  ['breaks off', 503, () => ({ endpoints: { par: { truncate: true } } })],
]

/** Throws what hooks choose to throw. */
export function throws(thrown: unknown): never {
  // oxlint-disable-next-line typescript/only-throw-error
  throw thrown
}
