import { buildEndSessionUrl } from 'openid-client'
import { afterEach, describe, expect, it } from 'vitest'
import { createUserAgent, startTestProvider, type TestProvider, type TestProviderOptions } from '../../lib/testing.ts'
import { authorize, getResponse } from './support/raw.ts'
import { type RelyingParty, startRelyingParty } from './support/relying-party.ts'

let provider: TestProvider
let app: RelyingParty

async function start(options?: TestProviderOptions): Promise<void> {
  provider = await startTestProvider({ algorithm: 'ES256', signIn: 'alice', ...options })
  app = await startRelyingParty(provider)
}

afterEach(async () => {
  await app.stop()
  await provider.stop()
})

function logoutUrl(params: Record<string, string>): string {
  return `${provider.issuer}/logout?${new URLSearchParams(params).toString()}`
}

describe('a logout that the client starts', () => {
  it('ends the session and redirects back with the state', async () => {
    await start()
    const agent = createUserAgent()
    await agent.get(`${app.url}/login`)
    const url = buildEndSessionUrl(await app.config(), {
      id_token_hint: app.tokens().id_token ?? '',
      post_logout_redirect_uri: `${app.url}/bye`,
      state: 'x&y',
    })
    const page = await agent.get(url)
    expect(page.url).toBe(`${app.url}/bye?state=x%26y`)
    expect(agent.jar.cookies()).toEqual([])
    expect(await authorize(provider, { prompt: 'none' }, agent)).toMatchObject({ error: 'login_required' })
  })

  it('ends the session of the hint from another browser, even after a key rotation', async () => {
    await start()
    const agent = createUserAgent()
    await agent.get(`${app.url}/login`)
    await provider.rotateKeys()
    const page = await createUserAgent().get(logoutUrl({ id_token_hint: app.tokens().id_token ?? '' }))
    expect(page.text()).toContain('You are logged out')
    expect(await authorize(provider, { prompt: 'none' }, agent)).toMatchObject({ error: 'login_required' })
  })

  it('asks the user to confirm if there is no hint', async () => {
    await start()
    const agent = createUserAgent()
    await agent.get(`${app.url}/login`)
    const params = { client_id: 'web', post_logout_redirect_uri: `${app.url}/bye` }
    const page = await agent.get(logoutUrl(params))
    expect(page.text()).toContain('Do you want to log out?')
    expect(await authorize(provider, { prompt: 'none' }, agent)).toHaveProperty('code')
    expect((await agent.submit(page, { button: 'Log out' })).url).toBe(`${app.url}/bye`)
    expect(await authorize(provider, { prompt: 'none' }, agent)).toMatchObject({ error: 'login_required' })
    expect((await agent.get(logoutUrl({}))).text()).toContain('You are logged out')
  })

  it('rejects an unregistered post-logout redirect URI, and an invalid or mismatched hint', async () => {
    await start({
      clients: [
        { clientId: 'web', clientSecret: 's' },
        { clientId: 'strict', clientSecret: 's', postLogoutRedirectUris: ['https://app.example.com/'] },
      ],
    })
    const agent = createUserAgent()
    await agent.get(`${app.url}/login`)
    const hint = { id_token_hint: app.tokens().id_token ?? '' }
    const get = async (params: Record<string, string>): Promise<number> =>
      (await agent.get(logoutUrl(params), { redirect: 'manual' })).status
    const uri = { post_logout_redirect_uri: `${app.url}/bye` }
    expect(await get({ ...uri })).toBe(400)
    expect(await get({ ...uri, client_id: 'strict' })).toBe(400)
    expect(await get({ ...hint, post_logout_redirect_uri: 'https://elsewhere.example' })).toBe(400)
    expect(await get({ ...hint, client_id: 'strict' })).toBe(400)
    expect(await get({ ...uri, id_token_hint: 'rubbish' })).toBe(400)
    expect(await get({ ...hint, ...uri, client_id: 'web' })).toBe(303)
  })

  it('returns another state or none with the fault logoutResponse', async () => {
    await start()
    const agent = createUserAgent()
    await agent.get(`${app.url}/login`)
    provider.misbehave({ logoutResponse: (params) => ({ ...params, state: `${params.state as string}_INVALID` }) })
    const params = {
      id_token_hint: app.tokens().id_token ?? '',
      post_logout_redirect_uri: `${app.url}/bye`,
      state: 's',
    }
    const page = await agent.get(logoutUrl(params), { redirect: 'manual' })
    expect(getResponse(page)).toEqual({ state: 's_INVALID' })
    provider.misbehave({ logoutResponse: { state: undefined } })
    expect((await agent.get(logoutUrl(params))).url).toBe(`${app.url}/bye`)
  })
})

describe('a client with a front-channel logout URI', () => {
  it('loads the client in a frame; the policy of the page allows only that and its own script', async () => {
    await start()
    provider.registerLogout({ frontchannelLogoutUri: 'https://app.example.com/bye?a=1' })
    const agent = createUserAgent()
    await agent.get(`${app.url}/login`)
    const page = await agent.get(
      logoutUrl({ id_token_hint: app.tokens().id_token ?? '', post_logout_redirect_uri: `${app.url}/bye` }),
    )
    const [, frame = ''] = /<iframe src="([^"]+)"/.exec(page.text()) ?? []
    const framed = new URL(frame.replaceAll('&#38;', '&'))
    expect(framed.origin + framed.pathname).toBe('https://app.example.com/bye')
    expect(Object.fromEntries(framed.searchParams)).toEqual({ a: '1', iss: provider.issuer, sid: expect.any(String) })
    const [, nonce] = /<script nonce="([^"]+)"/.exec(page.text()) ?? []
    const policy = page.headers.get('content-security-policy')?.split('; ')
    expect(policy).toContain(`script-src 'nonce-${nonce}'`)
    expect(policy).toContain('frame-src https://app.example.com')
    expect(page.text()).toContain(`<a id="continue" href="${app.url}/bye">`)
  })
})
