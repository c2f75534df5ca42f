/** No text of a client or of the provider puts invisible characters into an error, an event, a warning or a response. */
import { expect, it } from 'vitest'
import { flow } from '../support/flow.ts'
import type { TestApp } from '../support/app.ts'
import { warningsOfSpecs } from '../support/warnings.ts'

const world = flow()
const warnings = warningsOfSpecs()

/** An end of a terminal's title, an erased line, a C1 line break and color, reordered and invisible text. */
const evil =
  '\u001b]0;pwned\u0007\u001b[2K\u0085ok user=admin\u009b31m\u202egnihton\u2066\u200b\u2028\ufeff\u00ad\u{e0041}'
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

function encode(value: object | string): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

function forgeToken(header: object, claims: object = {}): string {
  return `${encode(header)}.${encode({ iss: world.provider.issuer, exp: 9e9, ...claims })}.AAAA`
}

const forgedHeaders: [string, object][] = [
  ['alg', { alg: evil }],
  ['typ', { alg: 'RS256', typ: evil }],
  ['kid', { alg: 'RS256', kid: evil }],
  ['crit', { alg: 'RS256', crit: [evil], [evil]: 1 }],
  ['b64', { alg: 'RS256', crit: ['b64'], b64: evil }],
  ['jwk', { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty: evil } }],
]

const errors: unknown[] = []
const rejected: unknown[] = []

async function start(): Promise<TestApp> {
  errors.length = 0
  rejected.length = 0
  return world.start({
    options: {
      bearer: { audience: 'orders', dpop: { replay: 'memory' } },
      onError: (error, _req, _res, next) => {
        errors.push(error.detail, error.message)
        next(error)
      },
    },
    routes: (express, oidc) => {
      oidc.on('token_rejected', ({ detail }) => rejected.push(detail))
      express.get('/api', oidc.requireBearer(), (_req, res) => void res.send('in'))
    },
  })
}

/** Checks everything that was reported, and that there is something. */
async function expectVisible(app: TestApp, texts: unknown[]): Promise<void> {
  const details = [...rejected, ...app.events.map(({ event }) => (event as { detail?: unknown }).detail)]
  const reported = [...details, ...errors, ...warnings.map(({ message }) => message), ...texts]
  expect(details.filter((detail) => detail !== undefined)).not.toEqual([])
  expect(reported.filter((text) => typeof text === 'string' && invisible.test(text))).toEqual([])
}

it.each(forgedHeaders)(
  'an access token, a DPoP proof and a logout token with a hostile %s are visible text',
  async (_, header) => {
    const app = await start()
    const token = forgeToken(header, { aud: evil, sub: evil })
    const headers = [
      { authorization: `Bearer ${token}` },
      { authorization: `DPoP ${token}`, dpop: token },
      { authorization: `DPoP ${await signToken({})}`, dpop: token },
    ]
    const answers = await Promise.all(headers.map((sent) => fetch(`${app.url}/api`, { headers: sent })))
    const logout = await fetch(`${app.url}/backchannel-logout`, {
      method: 'POST',
      body: new URLSearchParams({ logout_token: token }),
    })
    expect([...answers, logout].map(({ status }) => status)).toEqual([401, 401, 401, 400])
    await expectVisible(
      app,
      answers.map((answer) => answer.headers.get('www-authenticate')),
    )
    expect(rejected).toHaveLength(4)
  },
)

async function signToken(claims: object): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const base = { iss: world.provider.issuer, sub: 'bob', aud: 'orders', client_id: 'web', iat: now, exp: now + 600 }
  return world.provider.sign({ ...base, ...claims }, { typ: 'at+jwt' })
}

it.each<[string, object]>([
  ['iss', { iss: evil }],
  ['aud', { aud: evil }],
  ['azp', { azp: evil, typ: evil }],
  ['exp', { exp: evil }],
  ['cnf', { cnf: { [evil]: evil } }],
])('a signed access token with a hostile %s is visible text', async (_, claims) => {
  const app = await start()
  const answer = await fetch(`${app.url}/api`, {
    headers: { authorization: `Bearer ${await signToken({ ...claims })}` },
  })
  if (answer.status === 200) return
  expect(answer.status).toBe(401)
  await expectVisible(app, [answer.headers.get('www-authenticate')])
})

it('an authorization response with a hostile error is visible text', async () => {
  const app = await start()
  world.provider.misbehave({ authorizationResponse: { error: evil, error_description: evil, code: undefined } })
  const page = await app.agent().get('/profile')
  expect(page.status).toBe(400)
  await expectVisible(app, [page.text()])
})

it.each<[string, Parameters<typeof world.provider.misbehave>[0]]>([
  ['token error', { endpoints: { token: { status: 400, body: { error: evil, error_description: evil } } } }],
  ['token type', { tokenResponse: { token_type: evil } }],
  ['nonce', { idToken: { claims: { nonce: evil } } }],
  ['issuer', { idToken: { claims: { iss: evil } } }],
  ['algorithm', { idToken: { header: { alg: evil } } }],
  ['azp', { idToken: { claims: { azp: evil, aud: [evil, 'x'] } } }],
])('a login with a hostile %s from the provider is visible text', async (_, faults) => {
  const app = await start()
  world.provider.misbehave(faults)
  const page = await app.agent().get('/profile')
  expect(page.status).toBeGreaterThanOrEqual(400)
  await expectVisible(app, [page.text()])
})

it('metadata with a hostile issuer are visible text, also in oidc.health()', async () => {
  world.provider.misbehave({ metadata: { issuer: `https://${evil}` } })
  const app = await start()
  const page = await app.agent().get('/profile')
  expect(page.status).toBe(503)
  await expectVisible(app, [page.text(), JSON.stringify(app.oidc.health())])
})
