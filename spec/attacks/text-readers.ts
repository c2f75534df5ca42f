/** The functions of lib/ that read text from a client or another party, each as a function of that text alone. */
import { Readable } from 'node:stream'
import type { Request, Response } from 'express'
import { createBearer } from 'express-session-oidc'
import { describe, maskSecrets } from '../../lib/core/describe.ts'
import { fail } from '../../lib/core/errors.ts'
import { escapeControls, escapeInvisible } from '../../lib/core/escape-invisible.ts'
import { replaceEvery } from '../../lib/core/replace-every.ts'
import { parseScope, splitWords } from '../../lib/core/scope.ts'
import { trim, trimEnd } from '../../lib/core/trim.ts'
import { isLoopback, isSecureUrl, toLocalPath, toLocalReferer, parseUrl } from '../../lib/core/urls.ts'
import { makeBearerAuth } from '../../lib/guard/bearer-auth.ts'
import { formatChallenges } from '../../lib/guard/bearer-error.ts'
import { RememberedTokens } from '../../lib/guard/remembered-tokens.ts'
import { readPresentedToken, hasToken, requireTokenForm } from '../../lib/http/guards/bearer-credentials.ts'
import { readPresentation } from '../../lib/http/guards/presentation.ts'
import { makeInstance } from '../../lib/http/make-instance.ts'
import {
  formatCookie,
  hasCookie,
  listSessionCookies,
  readCookies,
  setCookies,
} from '../../lib/http/request/cookie-header.ts'
import { findCrossSiteFault, isFromElsewhere } from '../../lib/http/request/cross-site.ts'
import { watchIssuedSession } from '../../lib/http/request/issued-session.ts'
import { readDevice } from '../../lib/http/request/device.ts'
import { readForm } from '../../lib/http/request/form-body.ts'
import { HandlerContext } from '../../lib/http/request/handler-context.ts'
import { passRouter } from '../../lib/http/request/mount.ts'
import { parseQuery } from '../../lib/http/request/query.ts'
import { findRequestKind, isScripted } from '../../lib/http/request/request-kind.ts'
import { ensureState, makePublicPath, RequestState } from '../../lib/http/request/request-state.ts'
import { answerError } from '../../lib/http/response/error-page.ts'
import { escapeHtml } from '../../lib/http/response/html-page.ts'
import { openNeeds, makeLoginUrl } from '../../lib/http/response/login-url.ts'
import { readRequestedLogin } from '../../lib/http/routes/login.ts'
import { resumeAfterLogout } from '../../lib/http/routes/logout-return.ts'
import { readCallback } from '../../lib/http/routes/read-callback.ts'
import { makeSafeReturnTo } from '../../lib/http/routes/return-path.ts'
import { readAccessToken } from '../../lib/logins/login/identity.ts'
import { readKeycloakRoles } from '../../lib/config/role-claims.ts'
import { callResource } from '../../lib/provider/protected-resource.ts'
import { hashShort } from '../../lib/core/short-hash.ts'
import { identifyResponse, isSameResponse } from '../../lib/logins/login/response-use.ts'
import { hashMark, readMark } from '../../lib/session/browser-mark.ts'
import { openDetails } from '../../lib/session/details-cookie.ts'
import { clearLoggedOut, hasLoggedOut } from '../../lib/session/logged-out.ts'
import type { Cookie } from '../../lib/session/login-cookies.ts'
import { openLogin } from '../../lib/session/login-in-progress.ts'
import { countFinished } from '../../lib/session/login-loop.ts'
import {
  findProgressCookie,
  hashLoginsInProgress,
  listFrom,
  listProgressCookies,
  listSurplusCookies,
} from '../../lib/session/progress-cookie.ts'
import { longestState, readState, type OpenedState } from '../../lib/session/state.ts'
import { parseBrowser } from '../../lib/store/browser-record.ts'
import type { RequestSession } from '../../lib/session/web-session.ts'
import { looksLikeJwt } from '../../lib/tokens/access-token.ts'
import { isPastTime, isSubject, isText } from '../../lib/tokens/claims-checks.ts'
import { verifyDpopProof } from '../../lib/tokens/dpop-proof.ts'
import { verifyIdToken } from '../../lib/tokens/id-token.ts'
import { Keys } from '../../lib/tokens/key-set.ts'
import { verifyLogoutToken } from '../../lib/tokens/logout-token.ts'
import {
  checkAnsweredClaims,
  checkAudience,
  checkPresentedClaims,
  readUnverifiedClaims,
  verifyPresentedToken,
} from '../../lib/tokens/presented-token.ts'
import { findHashClaim, findPurposeFault, normalizeType } from '../../lib/tokens/purpose.ts'
import { secret } from '../support/app.ts'
import { dpopClient } from '../support/dpop.ts'

/** A function that reads text. */
export interface TextReader {
  readonly read: (text: string) => unknown
  /** The longest text that it reads, if that is less than the 16 kB of headers that Node accepts. */
  readonly longest?: number
}

/** With a slash in front of it, a longer text is rejected as a path without being read. */
const longestPath = 2046
const origin = 'https://app.example.com'
const issuer = 'https://id.example.com'
const instance = makeInstance({ issuer, clientId: 'app', clientSecret: 'a secret', baseUrl: `${origin}/shop`, secret })
const { options, seals, cookiePlace } = instance
const client = await dpopClient()
const keySet = { keys: [{ ...client.jwk, alg: 'ES256', use: 'sig' }] }
const bearer = createBearer({
  issuer: { issuer, keys: keySet },
  audience: 'api',
  baseUrl: origin,
  dpop: { replay: 'memory' },
})
const keys = Keys.of(keySet)
const algorithms = ['ES256']
const presentedChecks = { issuer, audience: ['api'], algorithms, clockToleranceSeconds: 0 }
const ownChecks = { issuer, clientId: 'app', nonce: undefined, algorithms, clockToleranceSeconds: 0 }
const remembered = new RememberedTokens(60)
const challenge = { realm: 'api', resourceMetadata: undefined, dpopAlgorithms: 'ES256' }

interface Parts {
  readonly headers?: object
  readonly url?: string
  readonly method?: string
}

/** Returns the parts of a request that lib/ reads. */
function request({ headers = {}, url = '/', method = 'GET' }: Parts): Request {
  const rawHeaders = Object.entries(headers).flat()
  const session = { cookie: {} }
  const path = url.split('?', 1)[0]
  return { headers, rawHeaders, url, originalUrl: url, path, baseUrl: '', method, session } as unknown as Request
}

const response = (): Response =>
  new Proxy({} as Response, { get: (_target, name) => (name === 'headersSent' ? false : () => response()) })

function handle(parts: Parts): HandlerContext {
  const handler = new HandlerContext(instance, request(parts), response(), () => {})
  ensureState(handler.req).session = {} as RequestSession
  return handler
}

function encode(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

/** Caches results, so that the time to create them is not measured. */
function keep<Result>(make: (text: string) => Result): (text: string) => Result {
  const made = new Map<string, Result>()
  return (text) => {
    const result = made.get(text) ?? make(text)
    made.set(text, result)
    return result
  }
}

/** The name of the cookie of a login with this number. */
function nameLogin(index: number): string {
  return cookiePlace.prefix + String(index).padStart(9, 'a')
}

/** Cookies of logins in progress: as many as the text has words, and as many well-formed ones as fit into its length. */
const ownCookies = keep((text: string): ReadonlyMap<string, string> => {
  const words = text.split(' ').map((word, index): [string, string] => [nameLogin(index), word])
  const value = 'a'.repeat(28) + `.${'b'.repeat(11)}`.repeat(4)
  const count = Math.ceil(text.length / (nameLogin(0).length + value.length))
  const formed = Array.from({ length: count }, (_, index): [string, string] => [nameLogin(index + 1_000_000), value])
  return new Map([...words, ...formed])
})

/** The cookies of a text in the form of a `Cookie` header, cached like {@link ownCookies}. */
const ownHeader = keep((text: string): string => Array.from(ownCookies(text), (pair) => pair.join('=')).join('; '))

/** The cookies of a browser in which each of this package has the text as its value. */
const sameCookies = keep((text: string): ReadonlyMap<string, string> => {
  const names = ['details', 'out', 'finished'].map((name) => cookiePlace.prefix + name)
  return new Map([nameLogin(0), '__Host-oidc.mark', 'oidc.mark', ...names].map((name) => [name, text]))
})

/** A `state` of this instance, of the login that {@link nameLogin} names. */
const openedState: OpenedState = {
  id: String(0).padStart(9, 'a').padEnd(22, 'a'),
  startedAt: Date.now() / 1000,
  attempt: 0,
  isSilent: false,
  asksMore: false,
  cookie: 'a'.repeat(11),
  mark: undefined,
  page: '',
  scope: undefined,
  checked: {},
  isPageShort: true,
  needsDetails: true,
  secret: 0,
}

function nameCookie(text: string): Cookie {
  return { name: text, value: text, path: '/', secure: true, sameSite: 'Lax', maxAgeSeconds: 1 }
}

function quarter(text: string): string {
  return text.slice(0, text.length / 4)
}

/** Texts that are, or contain, a hostile text in place of a part of a JWT. None of them has a valid signature. */
const forgeTokens = keep((text: string): readonly string[] => {
  const part = quarter(text)
  const header = encode({ alg: 'ES256', typ: part, crit: part.split(' ') })
  const payload = encode({ iss: part, aud: part.split(' '), [part]: part })
  return [
    text,
    `a.${text}.b`,
    `${encode(text)}.e30.AAAA`,
    // These two are JWTs except for their signature.
    `${encode({ alg: 'ES256' })}.${payload}.AAAA`,
    `${header}.e30.AAAA`,
  ]
})

/** Claims with a part of a hostile text in each of them; all together are about as long as the text. */
function forgeClaims(text: string): Record<string, unknown> {
  const part = quarter(text)
  const list = part.split(' ')
  const access = { roles: list }
  const kinds = { azp: part, typ: part, token_type: part }
  const grants = { scope: part, scp: list, roles: list, realm_access: access, resource_access: { [part]: access } }
  return { iss: issuer, exp: 2e9, aud: list, ...kinds, ...grants }
}

/** Calls a function that may throw or reject. */
async function attempt(work: () => unknown): Promise<void> {
  try {
    await work()
  } catch {
    // Hostile text is rejected, and the time that this takes counts too.
  }
}

function attemptNow(work: () => unknown): void {
  try {
    work()
  } catch {
    // As above.
  }
}

/** Calls an API whose response has the text as its challenge. */
async function callApi(text: string): Promise<void> {
  const headers = { 'www-authenticate': text.replace(/[^\x20-\x7e]/g, '?') }
  const { fetch } = globalThis
  globalThis.fetch = () => Promise.resolve(new Response(null, { status: 401, headers }))
  try {
    await callResource({ accessToken: 'token', dpop: undefined }, new URL(origin), {})
  } finally {
    globalThis.fetch = fetch
  }
}

const signProof = keep((text: string) => client.proof({ url: text, token: 'token' }))

async function verifyProofs(text: string): Promise<void> {
  const { thumbprint } = client
  const presented = { method: 'GET', url: new URL(origin), token: 'token' }
  const checks = { ...presented, thumbprint, algorithms, clockToleranceSeconds: 0 }
  for (const proof of [text, `${text}.e30.AAAA`, await signProof(text)]) {
    await attempt(() => verifyDpopProof(proof, checks))
  }
}

/** Replaces lone surrogates, which the text of a request never contains. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}

/** A long secret that nearly matches a text everywhere, but never occurs in it. */
export function resemble(text: string): string {
  const part = wellFormed(quarter(text))
  return `${part}!${part}`
}

/** Each function by its name. */
export const textReaders: Readonly<Record<string, TextReader>> = {
  // Tools
  trim: { read: (text) => trim(text, ' \t') },
  trimEnd: { read: (text) => trimEnd(text, '/') },
  isLoopback: { read: isLoopback },
  parseUrl: { read: (text) => parseUrl(text) },
  isSecureUrl: { read: (text) => isSecureUrl(text, false) },
  toLocalPath: { read: (text) => toLocalPath(`/${text}`, origin), longest: longestPath },
  toLocalReferer: { read: (text) => [text, `${origin}/${text}`].map((each) => toLocalReferer(each, origin)) },
  parseScope: { read: parseScope },
  splitWords: { read: splitWords },
  replaceEvery: { read: (text) => replaceEvery(text, resemble(text), '') },
  maskSecrets: { read: (text) => maskSecrets(text, [resemble(text), 'a=1&', undefined]) },
  describe: { read: (text) => describe(new Error(text)) },
  escapeInvisible: { read: escapeInvisible },
  escapeControls: { read: escapeControls },
  // The headers, query and body of a request
  readCookies: { read: (text) => readCookies(request({ headers: { cookie: text } })) },
  hasCookie: { read: (text) => hasCookie(request({ headers: { cookie: text } }), 'none') },
  listSessionCookies: {
    read: (text) =>
      [text, `a=${text}`, ownHeader(text)].map((cookie) =>
        listSessionCookies(request({ headers: { cookie } }), 'an id'),
      ),
  },
  setCookies: { read: (text) => setCookies(response(), [nameCookie(text)]) },
  formatCookie: { read: (text) => formatCookie(request({}), nameCookie(text)) },
  watchIssuedSession: { read: (text) => watchIssuedSession(handle({ headers: { cookie: ownHeader(text) } })) },
  isFromElsewhere: {
    read(text) {
      const headers = [{ 'sec-fetch-site': text }, { referer: text }, { referer: `${origin}/${text}` }]
      return headers.map((each) => isFromElsewhere(request({ headers: each }), options))
    },
  },
  findCrossSiteFault: {
    read(text) {
      const headers = { origin: text, 'sec-fetch-site': text, upgrade: text }
      return [headers, { origin: text }].map((each) =>
        findCrossSiteFault(request({ headers: each, method: 'POST' }), options),
      )
    },
  },
  readDevice: { read: (text) => readDevice(request({ headers: { 'user-agent': text } })) },
  readForm: {
    async read(text) {
      const type = { 'content-type': 'application/x-www-form-urlencoded' }
      const body = Readable.from([Buffer.from(text)])
      await readForm(Object.assign(body, { headers: type }) as unknown as Request)
      await attempt(() => readForm(request({ headers: { 'content-type': text } })))
    },
  },
  passRouter: {
    read: (text) => attemptNow(() => passRouter(instance, request({ url: `/${text}` }), new RequestState())),
  },
  parseQuery: { read: (text) => parseQuery(`/?${text}`) },
  findRequestKind: {
    read(text) {
      for (const accept of [text, `text/html${text}`]) findRequestKind(request({ headers: { accept } }))
    },
  },
  isScripted: { read: (text) => isScripted(request({ headers: { 'sec-purpose': text, purpose: text } })) },
  makePublicPath: { read: (text) => makePublicPath(request({ url: `/${text}` }), instance), longest: longestPath },
  // Access tokens
  hasToken: { read: (text) => hasToken(request({ headers: { authorization: text } })) },
  readPresentedToken: {
    read(text) {
      for (const authorization of [text, `Bearer ${text}`, `Bearer${text}`]) {
        attemptNow(() => readPresentedToken(request({ headers: { authorization } })))
      }
      attemptNow(() => readPresentedToken(request({ url: `/?${text}` })))
    },
  },
  requireTokenForm: { read: (text) => attemptNow(() => requireTokenForm(text)) },
  readPresentation: {
    read(text) {
      const resource = { origin, basePath: '/shop' }
      const presented = request({ headers: { dpop: text }, url: `/${text}` })
      return attemptNow(() => readPresentation(presented, { scheme: 'dpop', token: '' }, resource, undefined))
    },
  },
  authorizeToken: {
    async read(text) {
      for (const token of forgeTokens(text))
        await bearer.authorize(request({ headers: { authorization: `Bearer ${token}` } }))
    },
  },
  'RememberedTokens.get': {
    read(text) {
      remembered.wasSeen(text)
      return remembered.get(text)
    },
  },
  looksLikeJwt: { read: (text) => forgeTokens(text).map(looksLikeJwt) },
  readUnverifiedClaims: { read: (text) => forgeTokens(text).map(readUnverifiedClaims) },
  verifyPresentedToken: {
    async read(text) {
      for (const token of forgeTokens(text)) await attempt(() => verifyPresentedToken(token, keys, presentedChecks))
    },
  },
  verifyLogoutToken: {
    async read(text) {
      for (const token of forgeTokens(text).slice(3))
        await attempt(() => verifyLogoutToken(token, keys, { ...ownChecks, requiresType: false }))
    },
  },
  verifyIdToken: {
    async read(text) {
      for (const token of forgeTokens(text).slice(3)) await attempt(() => verifyIdToken(token, keys, ownChecks))
    },
  },
  verifyDpopProof: { read: verifyProofs, longest: 4096 },
  checkPresentedClaims: {
    read: (text) => attemptNow(() => checkPresentedClaims({ typ: text }, forgeClaims(text), presentedChecks)),
  },
  checkAnsweredClaims: {
    read: (text) => attemptNow(() => checkAnsweredClaims(text, forgeClaims(text), presentedChecks)),
  },
  checkAudience: { read: (text) => attemptNow(() => checkAudience(forgeClaims(text), ['api'])) },
  findPurposeFault: {
    read: (text) => [{ typ: text }, {}].map((header) => findPurposeFault(header, forgeClaims(text))),
  },
  findHashClaim: { read: (text) => findHashClaim(forgeClaims(text)) },
  normalizeType: { read: normalizeType },
  makeBearerAuth: { read: (text) => makeBearerAuth('token', issuer, forgeClaims(text), undefined) },
  readKeycloakRoles: {
    read: (text) =>
      readKeycloakRoles({ idToken: forgeClaims(text), accessToken: undefined, userInfo: undefined }, 'app'),
  },
  isSubject: { read: isSubject },
  isText: { read: (text) => isText(text, text.length) },
  isPastTime: { read: (text) => isPastTime(text, 0) },
  // The routes
  readRequestedLogin: {
    read: (text) => [`/?ask=${text}&returnTo=${text}`, `/?${text}`].map((url) => readRequestedLogin(handle({ url }))),
  },
  openNeeds: { read: (text) => openNeeds(instance, text) },
  readCallback: {
    read(text) {
      for (const query of [text, `state=${text}`])
        attemptNow(() => readCallback(handle({}), new URLSearchParams(query)))
    },
  },
  readState: { read: (text) => readState(seals, text), longest: longestState },
  identifyResponse: {
    read(text) {
      const parameters = new URLSearchParams([['code', text]])
      return isSameResponse({ status: 'failed', response: text }, identifyResponse('id', parameters))
    },
  },
  makeSafeReturnTo: { read: (text) => makeSafeReturnTo(handle({}), `/${text}`), longest: longestPath },
  resumeAfterLogout: {
    read: (text) => [`/shop?state=${text}`, `/${text}?state=`].map((url) => resumeAfterLogout(handle({ url }))),
  },
  // Cookies and records of logins in progress
  findProgressCookie: { read: (text) => findProgressCookie(cookiePlace, sameCookies(text), openedState) },
  listProgressCookies: { read: (text) => listProgressCookies(cookiePlace, ownCookies(text)) },
  listSurplusCookies: { read: (text) => listSurplusCookies(cookiePlace, ownCookies(text)) },
  hashLoginsInProgress: { read: (text) => hashLoginsInProgress(cookiePlace, ownCookies(text)) },
  listFrom: { read: (text) => listFrom(cookiePlace, ownCookies(text)) },
  openDetails: { read: (text) => openDetails(seals.details, cookiePlace, sameCookies(text), openedState.id) },
  openLogin: { read: (text) => openLogin(instance, sameCookies(text), openedState) },
  readMark: { read: (text) => readMark(cookiePlace, sameCookies(text)) },
  hashMark: { read: (text) => hashMark(cookiePlace, sameCookies(text)) },
  hasLoggedOut: { read: (text) => hasLoggedOut(cookiePlace, ownCookies(text)) },
  clearLoggedOut: { read: (text) => clearLoggedOut(cookiePlace, sameCookies(text)) },
  hashShort: { read: hashShort },
  parseBrowser: {
    read(text) {
      const words = text.split(' ')
      parseBrowser({ mark: text, logins: words, replaced: words.map((session, at) => ({ session, at })) })
      return parseBrowser({ mark: text, logins: words, replaced: words })
    },
  },
  countFinished: {
    read: (text) => countFinished(seals.finished, cookiePlace, new Map([[`${cookiePlace.prefix}finished`, text]])),
  },
  // Responses that contain text of a request
  answerError: {
    read: (text) => answerError(handle({ headers: { referer: text, accept: text } }), fail('login_required')),
  },
  makeLoginUrl: { read: (text) => makeLoginUrl(instance, wellFormed(text)) },
  escapeHtml: { read: escapeHtml },
  formatChallenges: {
    read: (text) =>
      formatChallenges(challenge, { code: 'not_allowed', status: 403, error: 'invalid_token', message: text }),
  },
  // Responses of a provider or an API
  callResource: { read: callApi },
  readAccessToken: {
    read(text) {
      const none = { idToken: undefined, refreshToken: undefined, expiresIn: undefined }
      return readAccessToken({ accessToken: 'token', tokenType: 'bearer', ...none, scope: text }, [])
    },
  },
}
