import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { Keys } from '../../lib/tokens/key-set.ts'
import { verifyFresh } from '../../lib/tokens/verify.ts'
import { startApp, until, type TestApp } from '../support/app.ts'
import { makeGate, catchRejection, listEvents } from '../support/flow.ts'
import { patience } from '../support/misbehaviour.ts'
import { passMs } from '../support/clocks.ts'

const minute = 60_000
let provider: TestProvider
let app: TestApp

beforeAll(async () => {
  provider = await startTestProvider({ signIn: 'alice', algorithm: 'ES256', now: () => Date.now() })
})
afterAll(() => provider.stop())
beforeEach(() => {
  provider.behave()
  provider.forget()
})
afterEach(async () => {
  vi.useRealTimers()
  provider.behave()
  await app?.stop()
})

async function logIn(): Promise<number> {
  return (await app.agent().get('/profile')).status
}

describe('the keys of a provider', () => {
  it('fetches the keys once for 10 logins that finish at the same time', { meta: { id: 'keys-1' } }, async () => {
    const door = makeGate('/callback')
    app = await startApp({ provider, before: door.install })
    const undo = provider.misbehave({ endpoints: { jwks: { hang: true } } })
    const logins = Array.from({ length: 10 }, logIn)
    await door.arrived(10)
    await provider.waitForRequest('token', 10)
    await provider.waitForRequest('jwks')
    undo()
    expect(await Promise.all(logins)).toEqual(Array(10).fill(200))
    expect(provider.requestsTo('jwks')).toHaveLength(1)
  })

  it('does not fetch the keys again for the next logins', async () => {
    app = await startApp({ provider })
    for (let n = 0; n < 3; n++) expect(await logIn()).toBe(200)
    expect(provider.requestsTo('jwks')).toHaveLength(1)
  })

  it(
    'fetches the keys again at once for an unknown key, however recent the last fetch is',
    { meta: { id: 'keys-2' } },
    async () => {
      app = await startApp({ provider })
      for (let n = 0; n < 3; n++) {
        await provider.rotateKeys()
        expect(await logIn()).toBe(200)
      }
      // The first fetch was after the first rotation.
      expect(provider.requestsTo('jwks')).toHaveLength(3)
    },
  )

  it('refreshes keys that are ten minutes old in the background of a login', async () => {
    app = await startApp({ provider })
    await logIn()
    passMs(9 * minute)
    await logIn()
    expect(provider.requestsTo('jwks')).toHaveLength(1)
    passMs(2 * minute)
    // The login does not wait for the new keys.
    const undo = provider.misbehave({ endpoints: { jwks: { hang: true } } })
    expect(await logIn()).toBe(200)
    await provider.waitForRequest('jwks', 2)
    undo()
    expect(await logIn()).toBe(200)
  })

  it.each([
    ['answers 500', { status: 500 }],
    ['closes the connection', { drop: true }],
    ['answers an HTML page', { html: true }],
    ['answers truncated JSON', { invalidJson: true }],
    ['answers JSON that is not a key set', { body: { keys: 'none' } }],
  ])('verifies with old keys while the JWKS endpoint %s', { meta: { id: 'keys-3' } }, async (_name, fault) => {
    app = await startApp({ provider })
    await logIn()
    passMs(11 * minute)
    provider.misbehave({ endpoints: { jwks: fault } })
    expect(await logIn()).toBe(200)
    await until(() => listEvents(app, 'provider_fault').length > 0, 'the fault is reported')
    passMs(20 * 60 * minute)
    expect(await logIn()).toBe(200)
  })

  it('does not use keys that are older than a day', { meta: { id: 'keys-4' } }, async () => {
    app = await startApp({ provider })
    await logIn()
    passMs(25 * 60 * minute)
    provider.misbehave({ endpoints: { jwks: { status: 500 } } })
    expect(await logIn()).toBe(503)
    provider.behave()
    expect(await logIn()).toBe(200)
  })

  it.each([
    ['answers 500', { status: 500 }],
    ['answers 429', { status: 429 }],
    ['closes the connection', { drop: true }],
    ['hangs', { hang: true }],
    ['stalls', { stall: true }],
    ['sends an endless body', { bytes: Number.POSITIVE_INFINITY }],
    ['answers an HTML page', { html: true }],
    ['answers null', { body: 'null', contentType: 'application/json' }],
    ['redirects', { status: 302, headers: { location: '/jwks' } }],
  ])(
    'answers 503 if the JWKS endpoint %s before the first fetch, and the next login works',
    { meta: { id: 'keys-5' } },
    async (_name, fault) => {
      app = await startApp({ provider, options: { providerTimeoutSeconds: patience(fault) } })
      const agent = app.agent()
      provider.misbehave({ endpoints: { jwks: fault } })
      const page = await agent.get('/profile')
      expect(page.status).toBe(503)
      expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0)
      expect((await agent.get('/')).text()).toBe('hello stranger')
      provider.behave()
      expect((await agent.get('/profile')).status).toBe(200)
    },
  )

  it('rejects the login if the key set is empty', async () => {
    app = await startApp({ provider })
    provider.misbehave({ jwks: { keys: [] } })
    expect(await logIn()).toBe(502)
    provider.behave()
    expect(await logIn()).toBe(200)
  })

  it('does not verify signatures with encryption keys', { meta: { id: 'keys-6' } }, async () => {
    app = await startApp({ provider })
    provider.misbehave({ jwks: ({ keys }) => ({ keys: keys.map((key) => ({ ...key, use: 'enc' })) }) })
    expect(await logIn()).toBe(502)
  })

  it('uses only a limited number of keys from a set', async () => {
    app = await startApp({ provider })
    const filler = { kty: 'RSA', e: 'AQAB', n: 'AQAB' }
    provider.misbehave({
      jwks: ({ keys }) => ({
        keys: [...Array.from({ length: 200 }, (_, n) => ({ ...filler, kid: `k${n}` })), ...keys],
      }),
    })
    expect(await logIn()).toBe(502)
  })

  it('ready() fetches the keys before the first login, and rejects if it cannot', async () => {
    app = await startApp({ provider })
    await app.oidc.ready()
    expect(provider.requestsTo('jwks')).toHaveLength(1)
    expect(await logIn()).toBe(200)
    expect(provider.requestsTo('jwks')).toHaveLength(1)
    provider.misbehave({ endpoints: { jwks: { status: 500 } } })
    const other = await startApp({ provider })
    expect((await catchRejection(other.oidc.ready())).code).toBe('provider_unavailable')
    provider.behave()
    await other.oidc.ready()
    await other.stop()
  })
})

describe('Keys', () => {
  it('fetches the key set once for concurrent calls, and again for a later one', async () => {
    let fetches = 0
    const keys = new Keys(
      async () => {
        fetches++
        return provider.keys
      },
      () => {},
    )
    await Promise.all([keys.current(), keys.fetched(), keys.current()])
    expect(fetches).toBe(1)
    await keys.fetched()
    expect(fetches).toBe(2)
  })

  it('fetches the key set again once, not repeatedly, if no key fits', { meta: { id: 'keys-7' } }, async () => {
    let fetches = 0
    const keys = new Keys(
      async () => {
        fetches++
        return { keys: [] }
      },
      () => {},
    )
    const token = await provider.sign({ sub: 'alice' })
    await expect(verifyFresh(token, keys, {})).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' })
    expect(fetches).toBe(2)
  })

  it('does not fetch the key set again if the token itself is invalid', async () => {
    let fetches = 0
    const keys = new Keys(
      async () => {
        fetches++
        return provider.keys
      },
      () => {},
    )
    const token = await provider.sign({ sub: 'alice', exp: 1 })
    await expect(verifyFresh(token, keys, {})).rejects.toMatchObject({ code: 'ERR_JWT_EXPIRED' })
    expect(fetches).toBe(1)
  })

  it('does not try further keys without a kid once a key shows that the token is invalid', async () => {
    const several = await startTestProvider({ algorithm: 'ES256' })
    for (let n = 0; n < 2; n++) await several.rotateKeys({ kid: null, keepOld: n > 0 })
    const { keys: set } = several.keys
    const keys = new Keys(
      async () => ({ keys: set }),
      () => {},
    )
    const token = await several.sign({ sub: 'alice', exp: 1 }, { kid: undefined })
    await expect(verifyFresh(token, keys, {})).rejects.toMatchObject({ code: 'ERR_JWT_EXPIRED' })
    const foreign = await provider.sign({ sub: 'alice' }, { kid: undefined })
    await expect(verifyFresh(foreign, keys, {})).rejects.toMatchObject({
      code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
    })
    await several.stop()
  })

  it.each([[null], [5], ['text'], [{}], [{ keys: {} }], [[]]])('rejects %j as a key set', async (set) => {
    const keys = new Keys(
      async () => set,
      () => {},
    )
    const error = await catchRejection(keys.current())
    expect(error).toMatchObject({ code: 'provider_unavailable', status: 503 })
    expect(error.detail).toBe('key set: keys is not an array')
  })

  it('retries a failed background refresh after 30 seconds, and not before', async () => {
    let fetches = 0
    let failing = false
    const faults: unknown[] = []
    const keys = new Keys(
      async () => {
        fetches++
        if (failing) throw new TypeError('not to be reported')
        return provider.keys
      },
      (fault) => void faults.push(fault.detail),
    )
    await keys.current()
    failing = true
    passMs(10 * minute)
    await keys.current()
    await until(() => faults.length === 1, 'the fault is reported')
    expect(faults).toEqual(['key set: the response is not a valid key set'])
    for (const [seconds, expected] of [
      [29, 2],
      [1, 3],
    ] as const) {
      passMs(seconds * 1000)
      await keys.current()
      expect(fetches).toBe(expected)
    }
  })
})
