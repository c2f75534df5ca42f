/**
 * Tokens that each differ from a valid one in one respect. A guard rejects them, gives the reason only in its event, and
 * caches nothing. Each is passed to the guard as a function, and samples of each family over HTTP; with `DEPTH=deep` all.
 */
import { createServer } from 'node:http'
import express, { type Request } from 'express'
import { createBearer, type BearerOptions } from 'express-session-oidc'
import { startTestProvider } from 'express-session-oidc/testing'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { close, listen } from '../support/app.ts'
import { depth } from '../support/depth.ts'
import { catchRejection } from '../support/flow.ts'
import { withId } from '../support/ids.ts'
import * as claims from './forged-claims.ts'
import * as headers from './forged-headers.ts'
import * as origins from './forged-origins.ts'
import * as shapes from './forged-shapes.ts'
import { goodTokens } from './forged-passes.ts'
import { audience, Mint, type Forgery } from './forged-tokens.ts'
import { rawRequest, type RawAnswer } from './raw-http.ts'

const mint = await Mint.open()
const rival = await startTestProvider()
const visits: string[] = []
const elsewhere = createServer((req, res) => {
  visits.push(req.url ?? '')
  res.end(JSON.stringify({ keys: [mint.keys.foreign.jwk] }))
})
const elsewhereUrl = await listen(elsewhere)

const families: Readonly<Record<string, readonly Forgery[]>> = {
  'signed by others': withId('forged-tokens-1', await origins.otherPeoples(mint, rival)),
  'issued for another purpose': withId('forged-tokens-2', await origins.reallyIssued(mint)),
  'without a signature': headers.unsigned(mint),
  'with a public key as the secret': headers.symmetric(mint),
  'with an algorithm that differs from alg': headers.swapped(mint),
  'with an unsupported alg': headers.otherAlgorithms(mint),
  'with an unsuitable kid': headers.keyNames(mint),
  'with a key in the header': headers.keysBrought(mint, elsewhereUrl),
  'with crit': headers.critical(mint),
  'with a malformed header': headers.wholeHeaders(mint),
  'with a wrong iss': withId('forged-tokens-3', claims.forgedIssuers(mint)),
  'with a wrong aud': withId('forged-tokens-4', claims.forgedAudiences(mint)),
  'with a wrong exp, nbf or iat': withId('forged-tokens-5', claims.forgedTimes(mint)),
  'with an invalid sub': claims.forgedSubjects(mint),
  'with a cnf': withId('forged-tokens-6', claims.boundTokens(mint)),
  'with a malformed payload': claims.forgedPayloads(mint),
  'with non-zero unused bits': shapes.uselessBits(mint),
  'with another alphabet': shapes.alphabets(mint),
  'with altered parts': shapes.splitParts(mint),
  'that do not match the Bearer syntax': shapes.noTokens(mint),
  'with another typ': withId('forged-tokens-7', origins.otherTypes(mint)),
  'with claims of other kinds of token': origins.otherClaims(mint),
}

const good = await goodTokens(mint)

/** Number of calls of the route's handler, the guard's `roles` and the rule's `check`. */
const calls = { handler: 0, roles: 0, check: 0 }
const events: { name: string; code: string; status: number; detail: string | undefined }[] = []
let guard = makeGuard({})

const rule = { check: () => Boolean((calls.check += 1)) }
const app = express()
app.get(
  '/orders',
  (req, res, next) => guard.requireBearer(rule)(req, res, next),
  (req, res) => {
    calls.handler += 1
    res.json({ sub: guard.auth(req).sub })
  },
)
// Node's default limit for headers is lower than the length limit for tokens.
const server = createServer({ maxHeaderSize: 65_536 }, app)
const url = await listen(server)

afterAll(async () => {
  await Promise.all([close(server), close(elsewhere), mint.provider.stop(), rival.stop()])
})

function makeGuard(options: Partial<BearerOptions>): ReturnType<typeof createBearer> {
  const made = createBearer({
    issuer: mint.provider.issuer,
    audience,
    roles: () => [`role ${(calls.roles += 1)}`],
    ...options,
  })
  for (const name of ['token_rejected', 'denied', 'provider_fault'] as const) {
    made.on(name, (event) => events.push({ code: '', status: 0, ...event, name }))
  }
  return made
}

const present = (token: string): Promise<RawAnswer> =>
  rawRequest(url, { target: '/orders', headers: [['Authorization', `Bearer ${token}`]], encoding: 'latin1' })

beforeEach(() => {
  Object.assign(calls, { handler: 0, roles: 0, check: 0 })
  events.length = 0
})

const messages = {
  other: 'The access token is invalid.',
  expired: 'The access token has expired.',
  audience: 'The audience (aud) of the access token is not this API.',
  malformed: 'The Authorization header must have the form: Bearer, a space, the access token.',
}

/** All parts of a response that could give the reason away. */
function wire(answer: RawAnswer): object {
  return {
    status: answer.status,
    challenge: answer.get('www-authenticate'),
    cache: answer.get('cache-control'),
    cookie: answer.get('set-cookie'),
    body: answer.status === 200 ? '' : (JSON.parse(answer.body) as unknown),
  }
}

function refusal({ reported = 'other', guard: own = {} }: Forgery) {
  const message = messages[reported]
  const [status, code, error] =
    reported === 'malformed' ? [400, 'request_invalid', 'invalid_request'] : [401, 'token_invalid', 'invalid_token']
  const realm = [own.audience ?? audience].flat()[0] as string
  return {
    status,
    challenge: `Bearer realm="${realm}", error="${error}", error_description="${message}"`,
    cache: 'no-store',
    cookie: undefined,
    body: { title: message, status, code, error, error_description: message },
  }
}

/** Presents tokens to the guard, either as a function or over HTTP. */
interface Presenting {
  readonly passes: (token: string) => Promise<void>
  readonly isRefused: (forgery: Forgery) => Promise<void>
}

/** A request object as Node parses it. */
function requestWith(token: string): Request {
  const authorization = Buffer.from(`Bearer ${token}`, 'latin1')
    .toString('latin1')
    .replace(/^[ \t]+|[ \t]+$/g, '')
  const rawHeaders = ['Host', 'api.example.com', 'Authorization', authorization]
  return { method: 'GET', url: '/orders', headers: { authorization }, rawHeaders } as unknown as Request
}

const asFunction: Presenting = {
  async passes(token) {
    const outcome = await guard.authorize(requestWith(token), rule)
    expect({ ok: outcome.ok, events }).toEqual({ ok: true, events: [] })
  },
  isRefused: (forgery) =>
    refuses(forgery, async () => {
      const { status, challenge, body } = refusal(forgery)
      const outcome = await guard.authorize(requestWith(forgery.token), rule)
      expect(outcome).toEqual({ ok: false, status, code: body.code, headers: { 'WWW-Authenticate': challenge } })
    }),
}

const overHttp: Presenting = {
  async passes(token) {
    const before = calls.handler
    const answer = await present(token)
    expect({ status: answer.status, events }).toEqual({ status: 200, events: [] })
    expect(calls.handler).toBe(before + 1)
  },
  isRefused: (forgery) =>
    refuses(forgery, async () => {
      expect(wire(await present(forgery.token))).toEqual(refusal(forgery))
    }),
}

/** Presents a forgery, and checks that it had no effect but its event. */
async function refuses({ token, why, reported, isVerified }: Forgery, presented: () => Promise<void>): Promise<void> {
  const before = { ...calls }
  await presented()
  expect(isVerified ? { ...calls, roles: before.roles } : calls).toEqual(before)
  const [code, status] = reported === 'malformed' ? ['request_invalid', 400] : ['token_invalid', 401]
  expect(events).toEqual([
    expect.objectContaining({ name: 'token_rejected', code, status, detail: expect.stringMatching(why) }),
  ])
  const detail = events[0]?.detail
  for (const secret of [token, ...token.split('.')]) if (secret.length > 20) expect(detail).not.toContain(secret)
  events.length = 0
}

/** Presents a forgery twice between valid tokens, to a new guard that fetches its keys. */
async function isRefusedTwice({ passes, isRefused }: Presenting, forgery: Forgery): Promise<void> {
  const { control = mint.good, guard: options = {} } = forgery
  // With a shared guard, cases would run into its limit for repeated key fetches.
  guard = makeGuard(options)
  await passes(control)
  await isRefused(forgery)
  await isRefused(forgery)
  await passes(control)
}

/** The first forgery for each kind of answer, and those with characters that HTTP treats specially. */
function samples(forgeries: readonly Forgery[]): readonly Forgery[] {
  const kinds = forgeries.map(({ reported = 'other', isVerified }) => `${reported} ${isVerified}`)
  return forgeries.filter(
    ({ token }, index) => kinds.indexOf(kinds[index] as string) === index || /[^\x21-\x7e]/.test(token) || token === '',
  )
}

describe('forged and unsuitable access tokens', () => {
  it('the corpus has at least 200 tokens, all different', () => {
    const all = Object.values(families).flat()
    const names = Object.entries(families).flatMap(([family, list]) => list.map(({ name }) => `${family}: ${name}`))
    console.log(`${all.length} forged or unsuitable tokens in ${Object.keys(families).length} families`)
    expect(all.length).toBeGreaterThanOrEqual(200)
    expect(new Set(names).size).toBe(all.length)
    // The same token may be forged for two different guards.
    const keys = all.map((each) => each.token + JSON.stringify(each.guard))
    expect(all.filter((_each, index) => keys.indexOf(keys[index] as string) !== index)).toEqual([])
  })

  describe.each(Object.entries(families))('tokens %s', { meta: { id: 'forged-tokens-8' } }, (_family, forgeries) => {
    it.each(forgeries.map((forgery) => [forgery.name, forgery] as const))(
      'the guard rejects a token (%s)',
      { meta: { id: 'forged-tokens-9' } },
      async (_name, forgery) => {
        await isRefusedTwice(asFunction, forgery)
        // verifyToken() with a given key set must reject it too.
        const { token, guard: options = {} } = forgery
        const given = makeGuard({ issuer: [{ issuer: mint.provider.issuer, keys: mint.provider.keys }], ...options })
        expect((await catchRejection(given.verifyToken(token))).code).toBe('token_invalid')
      },
    )

    it('the HTTP response does not reveal why the token was rejected', async () => {
      for (const forgery of depth() === 'deep' ? forgeries : samples(forgeries)) {
        await isRefusedTwice(overHttp, forgery)
      }
    })
  })

  it.each(good.map((each) => [each.name, each] as const))('the guard accepts a token with %s', async (_name, each) => {
    guard = makeGuard(each.guard ?? {})
    // By the third time the token is cached.
    for (let time = 0; time < 3; time++) await overHttp.passes(each.token)
    expect(calls).toEqual({ handler: 3, roles: expect.toSatisfy((times: number) => times < 3), check: 3 })
  })

  it('the guard requests no URL that a token names', () => {
    expect(visits).toEqual([])
  })
})
