import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { compactVerify, decodeProtectedHeader, importJWK } from 'jose'
import { refreshTokenGrant } from 'openid-client'
import { afterEach, describe, expect, it } from 'vitest'
import { createUserAgent, startTestProvider, type TestProvider, type TestProviderOptions } from '../../lib/testing.ts'
import { authorize, authorizeUrl, post } from './support/raw.ts'
import { type RelyingParty, startRelyingParty } from './support/relying-party.ts'

let provider: TestProvider | undefined
let app: RelyingParty | undefined

async function start(options?: TestProviderOptions): Promise<TestProvider> {
  provider = await startTestProvider({ algorithm: 'ES256', signIn: 'alice', ...options })
  return provider
}

afterEach(async () => {
  await app?.stop()
  await provider?.stop()
  app = provider = undefined
})

describe('stop() and start()', () => {
  it('keeps the port, the sessions and the tokens through stop() and start()', async () => {
    const provider = await start()
    app = await startRelyingParty(provider)
    const agent = createUserAgent()
    await agent.get(`${app.url}/login`)
    const { issuer } = provider
    await provider.stop()
    await provider.stop()
    await expect(fetch(issuer)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
    await provider.start()
    await provider.start()
    expect(provider.issuer).toBe(issuer)
    expect(await authorize(provider, { prompt: 'none' }, agent)).toHaveProperty('code')
    await expect(refreshTokenGrant(await app.config(), app.tokens().refresh_token ?? '')).resolves.toBeDefined()
  })

  it('cuts open connections at once', async () => {
    const provider = await start()
    const response = await fetch(`${provider.issuer}/jwks`)
    await response.text()
    const before = performance.now()
    await provider.stop()
    expect(performance.now() - before).toBeLessThan(1000)
  })

  it('start() fails with EADDRINUSE if the port is in use', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    await expect(start({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await new Promise((resolve) => other.close(resolve))
    expect((await start({ port })).url).toBe(`http://127.0.0.1:${port}`)
  })

  it('stops at the end of an `await using` block', async () => {
    let url = ''
    {
      await using provider = await startTestProvider({ algorithm: 'ES256' })
      url = provider.url
      expect((await fetch(`${url}/jwks`)).status).toBe(200)
    }
    await expect(fetch(`${url}/jwks`)).rejects.toThrow()
  })
})

describe('the record of requests', () => {
  it('records all requests by endpoint until forget()', async () => {
    const now = Date.UTC(2030, 1, 1)
    const provider = await start({ now: () => now })
    await createUserAgent().get(authorizeUrl(provider, { scope: 'openid x' }), {
      redirect: 'manual',
      headers: { 'x-trace': '1' },
    })
    await post(provider, '/token?in=query', { grant_type: 'refresh_token' })
    await fetch(`${provider.issuer}/else/where`)
    expect(provider.requests.map(({ endpoint, method, status }) => [endpoint, method, status])).toEqual([
      ['authorize', 'GET', 303],
      ['token', 'POST', 400],
      ['unknown', 'GET', 404],
    ])
    const [request] = provider.requestsTo('authorize')
    expect(request?.url).toBe(authorizeUrl(provider, { scope: 'openid x' }))
    expect(request?.params.get('scope')).toBe('openid x')
    expect(request?.headers['x-trace']).toBe('1')
    expect(request?.at).toBe(now / 1000)
    const token = provider.requestsTo('token')[0]
    expect([...(token?.params.keys() ?? [])]).toEqual(['in', 'client_id', 'client_secret', 'grant_type'])
    expect(token?.body).toBe('client_id=web&client_secret=web-secret&grant_type=refresh_token')
    provider.forget()
    expect(provider.requests).toEqual([])
  })

  it('waitForRequest() resolves to the first or the count-th request', async () => {
    const provider = await start()
    let second: unknown
    const first = provider.waitForRequest('jwks')
    const waiting = provider.waitForRequest('jwks', 2).then((request) => (second = request))
    await fetch(`${provider.issuer}/jwks?1`)
    expect((await first).url).toContain('?1')
    await fetch(`${provider.issuer}/authorize`)
    expect(second).toBeUndefined()
    await fetch(`${provider.issuer}/jwks?2`)
    expect((await waiting).url).toContain('?2')
    expect((await provider.waitForRequest('jwks', 2)).url).toContain('?2')
  })

  it('keeps only the latest requests with keepRequests', async () => {
    const provider = await start({ keepRequests: 2 })
    for (const path of ['/1', '/2', '/3']) await fetch(provider.url + path)
    expect(provider.requests.map(({ url }) => url)).toEqual([`${provider.url}/2`, `${provider.url}/3`])
  })
})

describe('the test provider', () => {
  it('returns the settings of a client', async () => {
    const provider = await start({ clients: [{ clientId: 'one', clientSecret: 's' }, { clientId: 'spa' }] })
    expect(provider.settings()).toEqual({ issuer: provider.issuer, clientId: 'one', clientSecret: 's' })
    expect(provider.settings('spa')).toEqual({ issuer: provider.issuer, clientId: 'spa', clientAuth: 'none' })
    expect([provider.clientId, provider.clientSecret]).toEqual(['one', 's'])
    expect(() => provider.settings('two')).toThrow('the client "two" does not exist')
  })

  it('signs any claims, and adds none', async () => {
    const provider = await start()
    const token = await provider.sign({ any: 'thing' }, { typ: 'logout+jwt' })
    const [key] = provider.keys.keys
    const { payload } = await compactVerify(token, await importJWK(key ?? { kty: '' }))
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual({ any: 'thing' })
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', kid: key?.kid, typ: 'logout+jwt' })
  })

  it('answers a wrong method with 405, and accepts authorization requests by POST', async () => {
    const provider = await start()
    const response = await fetch(`${provider.issuer}/token`)
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
    expect((await fetch(`${provider.issuer}/jwks`, { method: 'HEAD' })).status).toBe(200)
    const [url, body = ''] = authorizeUrl(provider).split('?')
    const page = await createUserAgent().post(url ?? '', new URLSearchParams(body), { redirect: 'manual' })
    expect(page.status).toBe(303)
  })

  it('records at most 1 MB of a body', async () => {
    const provider = await start()
    const response = await fetch(`${provider.issuer}/token`, { method: 'POST', body: 'x'.repeat(2_000_000) })
    expect(response.status).toBe(401)
    expect(provider.requests[0]?.body.length).toBeLessThanOrEqual(1_000_000)
  })

  it('survives a request that breaks off', async () => {
    const provider = await start()
    const head = 'POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf'
    await new Promise<void>((resolve) => {
      const socket = connect(Number(new URL(provider.url).port), '127.0.0.1')
      socket.write(head, () => socket.destroy())
      socket.on('close', () => resolve())
    })
    expect((await fetch(`${provider.issuer}/jwks`)).status).toBe(200)
  })

  it('restores its initial state with reset()', async () => {
    const provider = await start()
    const agent = createUserAgent()
    await authorize(provider, {}, agent)
    const key = provider.keys.keys[0]?.kid
    provider.misbehave({ endpoints: { authorize: { status: 500 } } })
    provider.signIn('bob')
    provider.disableUser('alice')
    provider.deny()
    provider.reset()
    expect(provider.requests).toEqual([])
    expect(await authorize(provider, { prompt: 'none' }, agent)).toMatchObject({ error: 'login_required' })
    expect(await authorize(provider, {}, agent)).toHaveProperty('code')
    expect(provider.keys.keys[0]?.kid).toBe(key)
  })

  it('rejects unknown users', async () => {
    const provider = await start()
    const unknown = 'the user "carol" does not exist; use one of alice, bob'
    expect(() => provider.signIn('carol')).toThrow(unknown)
    expect(() => provider.endSession('carol')).toThrow(unknown)
    expect(() => provider.disableUser('carol')).toThrow(unknown)
    expect(() => provider.enableUser('carol')).toThrow(unknown)
    expect(() => provider.deny('')).toThrow('the error to deny with')
  })
})

it.each<[object, string]>([
  [{ user: [] }, '"user" is not a member of the options of startTestProvider; use one of users, clients'],
  [[], 'the options of startTestProvider must be an object'],
  [{ users: [] }, 'users must be a non-empty array'],
  [{ users: [{ sub: 'a', acrValues: 'gold' }] }, 'users[0].acrValues must be an array of strings'],
  [{ users: [{}] }, 'users[0].sub must be a non-empty string'],
  [{ users: [{ sub: 'a', name: 'A' }] }, '"name" is not a member of users[0]'],
  [{ users: [{ sub: 'a' }, { sub: 'a' }] }, 'users[1].sub: "a" is not unique'],
  [{ clients: {} }, 'clients must be a non-empty array'],
  [{ clients: [{ clientId: '' }] }, 'clients[0].clientId'],
  [{ clients: [{ clientId: 'a', clientSecret: '' }] }, 'clients[0].clientSecret'],
  [{ clients: [{ clientId: 'a' }, { clientId: 'a' }] }, 'clients[1].clientId: "a" is not unique'],
  [{ clients: [{ clientId: 'a', redirectUris: 'x' }] }, 'clients[0].redirectUris must be an array of strings'],
  [{ clients: [{ clientId: 'a', postLogoutRedirectUris: [1] }] }, 'clients[0].postLogoutRedirectUris[0]'],
  [{ clients: [{ clientId: 'a', authMethod: 'none' }] }, 'clients[0].authMethod must be one of'],
  [{ clients: [{ clientId: 'a', tokenExchange: 'yes' }] }, 'clients[0].tokenExchange must be a boolean'],
  [{ signIn: 'carol' }, 'the user "carol" does not exist'],
  [{ path: 'realms/acme' }, 'path must be empty, or start with a slash'],
  [{ path: '/realms/' }, 'path must be empty, or start with a slash'],
  [{ hostname: 'example.com' }, 'hostname must be one of'],
  [{ port: 70_000 }, 'port must be a whole number'],
  [{ now: 5 }, 'now must be a function'],
  [{ algorithm: 'HS256' }, 'algorithm must be one of RS256'],
  [{ accessTokenSeconds: 0 }, 'accessTokenSeconds must be a whole number'],
  [{ idTokenSeconds: 1.5 }, 'idTokenSeconds must be a whole number'],
  [{ refreshTokens: 'yes' }, 'refreshTokens must be one of'],
  [{ accessTokens: 'paseto' }, 'accessTokens must be one of'],
  [{ audience: '' }, 'audience must be a non-empty string'],
  [{ audience: [''] }, 'audience[0] must be a non-empty string'],
  [{ scopes: 'openid' }, 'scopes must be an array'],
  [{ resources: 'https://orders.example' }, 'resources must be an array'],
  [{ pushedRequests: true }, 'pushedRequests must be one of'],
  [{ dpop: true }, 'dpop must be one of none, offered'],
  [{ dpopNonces: true }, 'dpopNonces must be one of none, required'],
  [{ sid: 'x' }, 'sid must be a function'],
  [{ keepRequests: -1 }, 'keepRequests must be a whole number'],
])('startTestProvider() rejects the options %j', async (options, message) => {
  const problem = await startTestProvider(options).then(
    (started) => started.stop(),
    (error: unknown) => error,
  )
  expect(problem).toBeInstanceOf(TypeError)
  expect((problem as TypeError).message).toContain(message)
})
