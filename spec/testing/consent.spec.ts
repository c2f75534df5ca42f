/** Users who grant less scope than requested, or deny the request. */
import { decodeJwt } from 'jose'
import { refreshTokenGrant } from 'openid-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createUserAgent, startTestProvider, type TestProvider } from '../../lib/testing.ts'
import { authorize, logIn } from './support/raw.ts'
import { type RelyingParty, startRelyingParty } from './support/relying-party.ts'

let provider: TestProvider
let app: RelyingParty | undefined

beforeEach(async () => {
  provider = await startTestProvider({ algorithm: 'ES256', signIn: 'alice' })
})

afterEach(async () => {
  await app?.stop()
  app = undefined
  await provider.stop()
})

const wide = 'openid email calendar.read calendar.write'

describe('grantOnly()', () => {
  it('limits tokens to the scope that the user grants, and names that scope in the response', async () => {
    provider.grantOnly(['email', 'calendar.read', 'never asked for'])
    app = await startRelyingParty(provider, { params: { scope: wide } })
    const login = (await createUserAgent().get(`${app.url}/login`)).json()
    expect(login).toMatchObject({ scope: 'openid email calendar.read', claims: { email: 'alice@example.com' } })
    expect(decodeJwt(app.tokens().access_token).scope).toBe('openid email calendar.read')
    await expect(
      refreshTokenGrant(await app.config(), app.tokens().refresh_token ?? '', { scope: 'calendar.write' }),
    ).rejects.toMatchObject({ error: 'invalid_scope' })
  })

  it('logs in a user who grants no scope', async () => {
    provider.grantOnly([])
    expect(await logIn(provider, { scope: wide })).toMatchObject({
      scope: 'openid',
      id_token: expect.any(String) as string,
    })
    expect((await logIn(provider, { scope: 'calendar.read' })).scope).toBe('')
  })

  it('limits the scope in an existing provider session, with prompt=none too', async () => {
    app = await startRelyingParty(provider, { params: { scope: 'openid email' } })
    const agent = createUserAgent()
    const ask = async (scope: string, prompt = ''): Promise<unknown> => {
      const query = new URLSearchParams({ scope, ...(prompt === '' ? {} : { prompt }) })
      return (await agent.get(`${app?.url}/login?${query.toString()}`)).json()['scope']
    }
    expect(await ask('openid email')).toBe('openid email')
    provider.grantOnly(['email'])
    expect(await ask(wide)).toBe('openid email')
    expect(await ask(wide, 'none')).toBe('openid email')
  })

  it('keeps scope that was granted earlier', async () => {
    app = await startRelyingParty(provider, { params: { scope: wide } })
    await createUserAgent().get(`${app.url}/login`)
    provider.grantOnly(['email'])
    expect((await refreshTokenGrant(await app.config(), app.tokens().refresh_token ?? '')).scope).toBe(wide)
  })

  it('grants all requested scope again after grantOnly(undefined) and after reset()', async () => {
    provider.grantOnly([])
    provider.grantOnly(undefined)
    expect((await logIn(provider, { scope: wide })).scope).toBe(wide)
    provider.grantOnly([])
    provider.reset()
    expect((await logIn(provider, { scope: wide })).scope).toBe(wide)
  })

  it('rejects a scope that is not an array', () => {
    expect(() => provider.grantOnly('email' as unknown as string[])).toThrow('the scope to grant must be an array')
  })
})

describe('deny()', () => {
  it('answers the next authorization request with an error, in an existing session too', async () => {
    const agent = createUserAgent()
    await authorize(provider, {}, agent)
    provider.deny()
    const refused = await authorize(provider, { scope: wide, prompt: 'consent' }, agent)
    expect(refused).toEqual({
      error: 'access_denied',
      state: 'the-state',
      iss: provider.issuer,
    })
    expect(await authorize(provider, { scope: wide }, agent)).toHaveProperty('code')
    provider.deny('consent_required')
    expect(await authorize(provider, { prompt: 'none' }, agent)).toMatchObject({ error: 'consent_required' })
  })
})
