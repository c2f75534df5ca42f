import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createOidc, type Oidc, type OidcOptions, type OidcProviderMetadata } from 'express-session-oidc'
import { createUserAgent, startTestProvider, type TestFaults, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { secret, startApp, until, type TestApp } from '../support/app.ts'
import { makeGate, readLocation, catchRejection, catchError, listEvents } from '../support/flow.ts'
import { withId } from '../support/ids.ts'
import { patience } from '../support/misbehaviour.ts'
import { passMs, stopClocks } from '../support/clocks.ts'

const minute = 60_000
let provider: TestProvider
let app: TestApp | undefined

beforeAll(async () => {
  provider = await startTestProvider({ signIn: 'alice', now: () => Date.now() })
})
afterAll(() => provider.stop())
beforeEach(async () => {
  await provider.start()
  provider.behave()
  provider.forget()
})
afterEach(async () => {
  vi.useRealTimers()
  provider.behave()
  await app?.stop()
  app = undefined
})

function oidcWith(options: Partial<OidcOptions> = {}): Oidc {
  const given = { ...provider.settings(), baseUrl: 'http://127.0.0.1:3000', secret, ...options }
  return createOidc(given as OidcOptions)
}

async function metadata(): Promise<OidcProviderMetadata> {
  const answer = await createUserAgent().fetch(`${provider.issuer}/.well-known/openid-configuration`)
  provider.forget()
  return answer.json() as unknown as OidcProviderMetadata
}

async function begin(of: TestApp): Promise<number> {
  return (await of.agent().get('/login', { redirect: 'manual' })).status
}

/** Waiting does not help, so no answer says to try again. */
function expectNoRetry({ headers, text }: { readonly headers: Headers; readonly text: () => string }): void {
  expect(headers.get('retry-after')).toBeNull()
  expect(text()).toContain('misconfigured')
  expect(text()).not.toMatch(/again|moment|retry/i)
}

function discoveries(): number {
  return provider.requestsTo('discovery').length
}

describe('discovery of the provider', () => {
  it('sends no request before the first login', async () => {
    app = await startApp({ provider })
    await app.agent().get('/')
    await app.agent().fetch('/profile')
    expect(provider.requests).toEqual([])
    expect(app.oidc.health()).toEqual({
      ok: false,
      provider: { discovered: false, discoveredAt: undefined, fault: undefined },
    })
    expect(await begin(app)).toBe(302)
    expect(discoveries()).toBe(1)
    expect(provider.requestsTo('jwks')).toEqual([])
  })

  it('discovers the provider once for 20 logins that begin at the same time, and for later ones', async () => {
    const door = makeGate('/login')
    app = await startApp({ provider, before: door.install })
    const running = app
    const undo = provider.misbehave({ endpoints: { discovery: { hang: true } } })
    const logins = Array.from({ length: 20 }, () => begin(running))
    await door.arrived(20)
    await provider.waitForRequest('discovery')
    undo()
    expect(await Promise.all(logins)).toEqual(Array(20).fill(302))
    await begin(app)
    expect(discoveries()).toBe(1)
  })

  it(
    'retries a failed discovery only after a delay, which doubles up to 30 seconds',
    { meta: { id: 'discovery-1' } },
    async () => {
      stopClocks()
      vi.spyOn(Math, 'random').mockReturnValue(0.5)
      const oidc = oidcWith()
      provider.misbehave({ endpoints: { discovery: { status: 500 } } })
      const waits = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]
      for (const [index, wait] of waits.entries()) {
        await catchRejection(oidc.ready())
        expect(discoveries()).toBe(index + 1)
        passMs(wait - 1)
        const error = await catchRejection(oidc.ready())
        expect(error).toMatchObject({ code: 'provider_unavailable', headers: { 'Retry-After': '1' } })
        expect(discoveries()).toBe(index + 1)
        passMs(1)
      }
      provider.behave()
      await oidc.ready()
      expect(oidc.health()).toMatchObject({ ok: true, provider: { fault: undefined } })
      vi.restoreAllMocks()
    },
  )

  it('announces the delay until the next discovery in Retry-After', async () => {
    stopClocks()
    const oidc = oidcWith()
    provider.misbehave({ endpoints: { discovery: { status: 500 } } })
    for (let n = 0; n < 8; n++) {
      await catchRejection(oidc.ready())
      passMs(40_000)
    }
    await catchRejection(oidc.ready())
    const { headers } = await catchRejection(oidc.ready())
    expect(Number(headers['Retry-After'])).toBeGreaterThan(20)
    expect(Number(headers['Retry-After'])).toBeLessThanOrEqual(38)
  })

  it('reports the outcome of the discovery in ready() and health()', async () => {
    const oidc = oidcWith()
    provider.misbehave({ endpoints: { discovery: { status: 503 } } })
    const error = await catchRejection(oidc.ready())
    expect(error).toMatchObject({ code: 'provider_unavailable', status: 503 })
    const { ok, provider: before } = oidc.health()
    expect(ok).toBe(false)
    expect(before.fault).toContain('503')
    provider.behave()
    await until(
      () =>
        oidc
          .ready()
          .then(() => true)
          .catch(() => false),
      'the provider is ready',
    )
    const began = Date.now()
    const { ok: after, provider: known } = oidc.health()
    expect(after).toBe(true)
    expect(known).toMatchObject({ discovered: true, fault: undefined })
    expect(known.discoveredAt).toSatisfy(Number.isInteger)
    expect(Math.abs(began / 1000 - (known.discoveredAt ?? 0))).toBeLessThan(5)
  })
})

describe('unusable metadata', () => {
  const origin = 'http://evil.example'
  const unusable: [string, TestFaults][] = [
    [withId('discovery-2', 'of another issuer'), { metadata: { issuer: 'https://other.example' } }],
    [
      withId('discovery-3', 'whose issuer has an extra slash'),
      { metadata: (given) => ({ ...given, issuer: `${String(given['issuer'])}/` }) },
    ],
    [
      'whose issuer is in capitals',
      { metadata: (given) => ({ ...given, issuer: String(given['issuer']).toUpperCase() }) },
    ],
    ['without an issuer', { metadata: { issuer: undefined } }],
    ['whose issuer is an array', { metadata: (given) => ({ ...given, issuer: [given['issuer']] }) }],
    ...['authorization_endpoint', 'token_endpoint', 'jwks_uri'].map((member): [string, TestFaults] => [
      `without ${member}`,
      { metadata: { [member]: undefined } },
    ]),
    ...[
      'authorization_endpoint',
      'token_endpoint',
      'jwks_uri',
      'userinfo_endpoint',
      'end_session_endpoint',
      'revocation_endpoint',
      'introspection_endpoint',
      'pushed_authorization_request_endpoint',
    ].flatMap((member): [string, TestFaults][] =>
      [`${origin}/x`, 'javascript:alert(1)', 'data:text/html,x', '/relative', ''].map((value) => [
        `whose ${member} is ${JSON.stringify(value)}`,
        { metadata: { [member]: value } },
      ]),
    ),
    ['whose token_endpoint is a number', { metadata: { token_endpoint: 5 } }],
    ['that is an array', { metadata: () => [] as never }],
    ['that is null', { endpoints: { discovery: { body: 'null', contentType: 'application/json' } } }],
    ['that is an HTML page', { endpoints: { discovery: { html: true } } }],
    ['that is missing (404)', { endpoints: { discovery: { status: 404 } } }],
    ['that redirects elsewhere', { endpoints: { discovery: { status: 302, headers: { location: `${origin}/x` } } } }],
  ]
  const failing: [string, TestFaults][] = [
    ['that is incomplete JSON', { endpoints: { discovery: { invalidJson: true } } }],
    ['whose transfer is cut off', { endpoints: { discovery: { truncate: true } } }],
    ['that is too slow for a proxy (408)', { endpoints: { discovery: { status: 408 } } }],
    ['that was requested too often (429)', { endpoints: { discovery: { status: 429 } } }],
    ['that is a page of a proxy with status 502', { endpoints: { discovery: { status: 502, html: true } } }],
    ['of 10 MB', { endpoints: { discovery: { bytes: 10_000_000 } } }],
    ['that never ends', { endpoints: { discovery: { bytes: Number.POSITIVE_INFINITY } } }],
    ['that never arrives', { endpoints: { discovery: { hang: true } } }],
    ['whose transfer stalls', { endpoints: { discovery: { stall: true } } }],
    ['that is not an HTTP response', { endpoints: { discovery: { garbage: true } } }],
  ]

  const cases = [
    ...unusable.map(([name, faults]) => [name, faults, 500] as const),
    ...failing.map(([name, faults]) => [name, faults, 503] as const),
  ]

  it.each(cases)('begins no login with metadata %s', { meta: { id: 'discovery-4' } }, async (_name, faults, status) => {
    app = await startApp({ provider, options: { providerTimeoutSeconds: patience(faults) } })
    provider.misbehave(faults)
    const agent = app.agent()
    const page = await agent.get('/profile', { redirect: 'manual' })
    expect(page.status).toBe(status)
    if (status === 503) expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0)
    else expectNoRetry(page)
    expect(page.cookiesSet).toEqual([])
    expect(page.text()).not.toContain('evil.example')
    expect(app.oidc.health().ok).toBe(false)
    expect(provider.requests.filter(({ endpoint }) => endpoint !== 'discovery')).toEqual([])
    expect((await agent.get('/')).text()).toBe('hello stranger')
  })

  it('explains in detail what is wrong with the metadata, and how to fix an issuer that differs', async () => {
    const oidc = oidcWith()
    provider.misbehave({ metadata: { jwks_uri: undefined, token_endpoint: 'javascript:alert(1)' } })
    const { detail, message } = await catchRejection(oidc.ready())
    expect(detail).toContain('jwks_uri is missing')
    expect(detail).toContain('token_endpoint')
    expect(message).not.toContain('jwks_uri')

    const slash = oidcWith({ issuer: `${provider.issuer}/` })
    provider.behave()
    const error = await catchRejection(slash.ready())
    expect(error.detail).toContain(`set \`issuer\` to exactly "${provider.issuer}"`)
  })

  it('logs in with metadata that lacks the optional endpoints', async () => {
    provider.misbehave({
      metadata: { userinfo_endpoint: undefined, end_session_endpoint: undefined, revocation_endpoint: undefined },
    })
    app = await startApp({ provider })
    expect((await app.agent().get('/profile')).status).toBe(200)
  })
})

describe('the refresh of metadata', { meta: { id: 'discovery-5' } }, () => {
  it('refreshes the metadata after an hour, in the background of a login', async () => {
    app = await startApp({ provider })
    await begin(app)
    passMs(59 * minute)
    await begin(app)
    expect(discoveries()).toBe(1)
    passMs(2 * minute)
    const undo = provider.misbehave({ endpoints: { discovery: { hang: true } } })
    expect(await begin(app)).toBe(302)
    expect(await begin(app)).toBe(302)
    await provider.waitForRequest('discovery', 2)
    undo()
    const { oidc } = app
    const renewedAt = (): number => 1000 * (oidc.health().provider.discoveredAt ?? 0)
    await until(() => renewedAt() > Date.now() - minute, 'the metadata is renewed')
    expect(await begin(app)).toBe(302)
    expect(discoveries()).toBe(2)
  })

  it('uses the refreshed metadata for later logins', async () => {
    app = await startApp({ provider })
    await begin(app)
    provider.misbehave({
      metadata: (given) => ({ ...given, authorization_endpoint: `${String(given['authorization_endpoint'])}?v=2` }),
    })
    passMs(61 * minute)
    const running = app
    await until(async () => {
      const begun = await running.agent().get('/login', { redirect: 'manual' })
      return new URL(readLocation(begun)).searchParams.get('v') === '2'
    }, 'the new endpoint is in use')
  })

  it.each<[string, TestFaults]>([
    ['fails', { endpoints: { discovery: { status: 500 } } }],
    ['has another issuer', { metadata: { issuer: 'https://other.example' } }],
    ['announces a plain http authorization endpoint', { metadata: { authorization_endpoint: 'http://evil.example/' } }],
  ])('keeps the former metadata while the provider %s', async (_name, faults) => {
    app = await startApp({ provider })
    const { oidc } = app
    expect((await app.agent().get('/profile')).status).toBe(200)
    provider.misbehave(faults)
    for (let hours = 1; hours < 30; hours += 9) {
      passMs(61 * minute * hours)
      expect(await begin(app)).toBe(302)
      await until(() => oidc.health().provider.fault !== undefined, 'the fault is known')
    }
    expect(oidc.health().ok).toBe(true)
    expect(listEvents(app, 'provider_fault').length).toBeGreaterThan(0)
    const tries = discoveries()
    expect(await begin(app)).toBe(302)
    expect(await begin(app)).toBe(302)
    expect(discoveries()).toBe(tries)
    provider.behave()
    passMs(minute)
    await begin(app)
    await until(() => oidc.health().provider.fault === undefined, 'the provider is discovered again')
  })
})

describe('configured metadata', () => {
  it('uses metadata from an object without discovery', async () => {
    app = await startApp({ provider, options: { issuer: await metadata() } })
    expect(app.oidc.health().ok).toBe(true)
    expect((await app.agent().get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
    passMs(100 * minute)
    expect((await app.agent().get('/profile')).status).toBe(200)
    expect(discoveries()).toBe(0)
  })

  it('uses metadata from a file without discovery', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'metadata-'))
    const file = join(folder, 'metadata.json')
    await writeFile(file, JSON.stringify(await metadata()))
    app = await startApp({ provider, options: { issuer: pathToFileURL(file) } })
    await rm(folder, { recursive: true })
    expect((await app.agent().get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
    expect(discoveries()).toBe(0)
  })

  it('throws in createOidc() if the metadata file is missing or not JSON', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'metadata-'))
    const file = join(folder, 'metadata.json')
    await writeFile(file, '{"issuer"')
    for (const issuer of [pathToFileURL(file), pathToFileURL(`${file}x`)]) {
      const error = catchError(() => oidcWith({ issuer }))
      expect(error.code).toBe('options_invalid')
      expect(error.message).toContain('metadata.json')
    }
    await rm(folder, { recursive: true })
  })

  it.each([
    'authorization_endpoint',
    'token_endpoint',
    'jwks_uri',
    'userinfo_endpoint',
    'end_session_endpoint',
    'revocation_endpoint',
    'pushed_authorization_request_endpoint',
  ])('throws in createOidc() if the %s of the metadata is a javascript: URL or plain http', async (member) => {
    const given = await metadata()
    for (const value of ['javascript:alert(1)', 'http://evil.example/x']) {
      const error = catchError(() => oidcWith({ issuer: { ...given, [member]: value } }))
      expect(error.code).toBe('options_invalid')
      expect(error.message).toContain(member)
    }
  })

  it('copies the metadata when the instance is created', async () => {
    const given = { ...(await metadata()) }
    app = await startApp({ provider, options: { issuer: given } })
    given.authorization_endpoint = 'https://evil.example/'
    const begun = await app.agent().get('/login', { redirect: 'manual' })
    expect(readLocation(begun)).toContain(provider.issuer)
  })
})

describe('a provider with plain http', () => {
  it('throws in createOidc() for plain http off loopback, except with allowInsecureIssuer', async () => {
    const issuer = 'http://id.example.com'
    const error = catchError(() => oidcWith({ issuer }))
    expect(error.code).toBe('options_invalid')
    expect(error.message).toContain('allowInsecureIssuer')
    const hosts: string[] = []
    const given = JSON.stringify(await metadata()).replaceAll(provider.issuer, issuer)
    app = await startApp({
      provider,
      options: {
        issuer,
        allowInsecureIssuer: true,
        fetch: (async (url: string) => {
          hosts.push(new URL(url).host)
          return new Response(given, { headers: { 'content-type': 'application/json' } })
        }) as typeof fetch,
      },
    })
    const begun = await app.agent().get('/login', { redirect: 'manual' })
    expect(readLocation(begun)).toContain(`${issuer}/authorize`)
    expect(hosts).toEqual(['id.example.com'])
  })

  it('logs in with a provider on plain http below a path and as localhost', async () => {
    for (const options of [{ path: '/realms/acme' }, { hostname: 'localhost' as const }]) {
      const other = await startTestProvider({ signIn: 'alice', ...options })
      app = await startApp({ provider: other })
      expect((await app.agent().get('/profile')).status).toBe(200)
      await app.stop()
      app = undefined
      await other.stop()
    }
  })
})
