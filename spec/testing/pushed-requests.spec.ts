import { afterEach, describe, expect, it } from 'vitest'
import { createUserAgent, startTestProvider, type TestProvider, type TestProviderOptions } from '../../lib/testing.ts'
import { authorizeUrl, callback, post } from './support/raw.ts'
import { type RelyingParty, startRelyingParty } from './support/relying-party.ts'

let provider: TestProvider
let app: RelyingParty | undefined

async function start(options?: TestProviderOptions): Promise<void> {
  provider = await startTestProvider({ algorithm: 'ES256', signIn: 'alice', ...options })
}

afterEach(async () => {
  await app?.stop()
  app = undefined
  await provider.stop()
})

const request = { response_type: 'code', redirect_uri: callback, scope: 'openid' }

describe('pushed authorization requests', () => {
  it('accepts pushed requests, and can require them', async () => {
    await start({ pushedRequests: 'required' })
    app = await startRelyingParty(provider, { pushed: true })
    expect((await createUserAgent().get(`${app.url}/login`)).json()).toMatchObject({ claims: { sub: 'alice' } })
    expect(provider.requestsTo('authorize')[0]?.params.has('redirect_uri')).toBe(false)
    expect((await createUserAgent().get(authorizeUrl(provider))).text()).toContain('must be pushed')
  })

  it('a request_uri works once, for one client, for a minute', async () => {
    let now = Date.now()
    await start({ now: () => now, clients: [{ clientId: 'web', clientSecret: 's' }, { clientId: 'spa' }] })
    const push = async (): Promise<string> => {
      const answer = await post(provider, '/par', request)
      expect(answer.status).toBe(201)
      expect(answer.json().expires_in).toBe(60)
      return answer.json().request_uri as string
    }
    const use = async (request_uri: string, client_id = 'web'): Promise<number> => {
      const url = `${provider.issuer}/authorize?${new URLSearchParams({ client_id, request_uri }).toString()}`
      return (await createUserAgent().get(url, { redirect: 'manual' })).status
    }
    const first = await push()
    expect(await use(first)).toBe(303)
    expect(await use(first)).toBe(400)
    expect(await use(await push(), 'spa')).toBe(400)
    const late = await push()
    now += 61_000
    expect(await use(late)).toBe(400)
  })

  it('rejects invalid pushed requests', async () => {
    await start()
    const ask = async (params: Record<string, string | undefined>): Promise<unknown[]> => {
      const answer = await post(provider, '/par', { ...request, ...params })
      return [answer.status, answer.json().error]
    }
    expect(await ask({ client_secret: 'wrong' })).toEqual([401, 'invalid_client'])
    expect(await ask({ request_uri: 'urn:x' })).toEqual([400, 'invalid_request'])
    expect(await ask({ redirect_uri: 'https://elsewhere.example' })).toEqual([400, 'invalid_request'])
    expect(await ask({ response_type: 'token' })).toEqual([400, 'unsupported_response_type'])
  })

  it('has no endpoint for pushed requests if pushedRequests is none', async () => {
    await start({ pushedRequests: 'none' })
    const metadata = await createUserAgent().fetch(`${provider.issuer}/.well-known/openid-configuration`)
    expect(metadata.json()).not.toHaveProperty('pushed_authorization_request_endpoint')
    expect((await post(provider, '/par', request)).status).toBe(404)
  })
})
