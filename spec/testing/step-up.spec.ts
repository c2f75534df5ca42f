/** Clients that request a stronger or more recent login, and users who can or cannot provide it. */
import { decodeJwt } from 'jose'
import { refreshTokenGrant } from 'openid-client'
import { afterEach, describe, expect, it } from 'vitest'
import {
  createUserAgent,
  startTestProvider,
  type TestProvider,
  type TestProviderOptions,
  type UserAgent,
} from '../../lib/testing.ts'
import { authorize } from './support/raw.ts'
import { type RelyingParty, startRelyingParty } from './support/relying-party.ts'

const begin = Math.floor(Date.now() / 1000)
let now = begin
let provider: TestProvider
let app: RelyingParty
let agent: UserAgent

async function start(options?: TestProviderOptions): Promise<void> {
  now = begin
  provider = await startTestProvider({ algorithm: 'ES256', signIn: 'alice', now: () => now * 1000, ...options })
  app = await startRelyingParty(provider)
  agent = createUserAgent()
}

afterEach(async () => {
  await app.stop()
  await provider.stop()
})

interface Told {
  readonly acr: unknown
  /** In seconds since the start of the test. */
  readonly at: unknown
}

function reported(claims: { readonly acr?: unknown; readonly auth_time?: unknown } | undefined): Told {
  return { acr: claims?.acr, at: Number(claims?.auth_time) - begin }
}

/** Logs in with these parameters. Returns the claims of the ID token, which are also those of the access token. */
async function logIn(params: Record<string, string> = {}): Promise<Told> {
  const page = await agent.get(`${app.url}/login?${new URLSearchParams(params).toString()}`)
  expect(page.json()).toHaveProperty('claims')
  const said = reported(app.tokens().claims())
  expect(reported(decodeJwt(app.tokens().access_token))).toEqual(said)
  return said
}

async function refresh(token = app.tokens().refresh_token ?? ''): Promise<Told> {
  const tokens = await refreshTokenGrant(await app.config(), token)
  expect(reported(decodeJwt(tokens.access_token))).toEqual(reported(tokens.claims()))
  return reported(tokens.claims())
}

describe('a stronger login', () => {
  it('a stronger login has the requested acr, even after a refresh', async () => {
    await start()
    expect(await logIn()).toEqual({ acr: '1', at: 0 })
    now += 10
    expect(await logIn({ acr_values: 'gold silver' })).toEqual({ acr: 'gold', at: 10 })
    now += 10
    expect(await refresh()).toEqual({ acr: 'gold', at: 10 })
    expect(await logIn({ acr_values: 'silver gold' })).toEqual({ acr: 'gold', at: 10 })
  })

  it('a stronger login makes no earlier login stronger or more recent', async () => {
    await start()
    await logIn()
    const earlier = app.tokens().refresh_token
    now += 10
    await logIn({ acr_values: 'gold' })
    expect(await refresh(earlier)).toEqual({ acr: '1', at: 0 })
    expect(await refresh()).toEqual({ acr: 'gold', at: 10 })
  })

  it('a stronger login fails with prompt=none', async () => {
    await start()
    await logIn()
    expect(await authorize(provider, { acr_values: 'gold', prompt: 'none' }, agent)).toMatchObject({
      error: 'login_required',
    })
  })
})

describe('a user who cannot reach the requested acr', () => {
  it('logs in a user without the requested acr if they cannot reach it', async () => {
    await start({ users: [{ sub: 'alice', acrValues: ['silver'] }] })
    expect(await logIn({ acr_values: 'gold' })).toEqual({ acr: '1', at: 0 })
    now += 10
    expect(await logIn({ acr_values: 'gold' })).toEqual({ acr: '1', at: 10 })
    expect(await authorize(provider, { acr_values: 'gold', prompt: 'none' }, agent)).toMatchObject({
      error: 'login_required',
    })
  })

  it('uses the first requested acr that the user can reach', async () => {
    await start({ users: [{ sub: 'alice', acrValues: ['bronze', 'silver'] }] })
    expect(await logIn({ acr_values: 'gold silver bronze' })).toEqual({ acr: 'silver', at: 0 })
    now += 10
    expect(await logIn({ acr_values: 'gold' })).toEqual({ acr: 'silver', at: 10 })
  })

  it('deny() can report unmet_authentication_requirements', async () => {
    await start()
    provider.deny('unmet_authentication_requirements')
    expect(await authorize(provider, { acr_values: 'gold' }, agent)).toMatchObject({
      error: 'unmet_authentication_requirements',
    })
  })
})

describe('a more recent login', () => {
  it('max_age requests a more recent login, which has a new auth_time', async () => {
    await start()
    expect(await logIn()).toEqual({ acr: '1', at: 0 })
    now += 60
    expect(await logIn({ max_age: '60' })).toEqual({ acr: '1', at: 0 })
    now += 1
    expect(await logIn({ max_age: '60' })).toEqual({ acr: '1', at: 61 })
    expect(await logIn({ max_age: '0' })).toEqual({ acr: '1', at: 61 })
    now += 1
    expect(await logIn({ max_age: '0' })).toEqual({ acr: '1', at: 62 })
    now += 10
    expect(await refresh()).toEqual({ acr: '1', at: 62 })
  })

  it('a fault can issue an ID token that is older than max_age', async () => {
    await start()
    provider.misbehave({ idToken: { claims: { auth_time: begin - 3600 } } })
    const page = await agent.get(`${app.url}/login?max_age=60`)
    expect(page.json()).toMatchObject({ claims: { auth_time: begin - 3600 } })
  })
})
