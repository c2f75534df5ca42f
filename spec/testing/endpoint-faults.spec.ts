import { fetchUserInfo, refreshTokenGrant } from 'openid-client'
import { afterEach, describe, expect, it } from 'vitest'
import {
  createUserAgent,
  type TestEndpointFault,
  startTestProvider,
  type TestEndpoint,
  type TestFaults,
  type TestProvider,
  type TestProviderOptions,
} from '../../lib/testing.ts'
import { authorizeUrl, logIn, tokenRequest } from './support/raw.ts'
import { discover, type RelyingParty, startRelyingParty } from './support/relying-party.ts'

let provider: TestProvider
let app: RelyingParty | undefined

async function start(options?: TestProviderOptions): Promise<void> {
  provider = await startTestProvider({ algorithm: 'ES256', signIn: 'alice', ...options })
}

async function startBoth(): Promise<RelyingParty> {
  await start()
  app = await startRelyingParty(provider)
  return app
}

/** The result of one discovery by a new client: `discovered`, or an error code. */
async function outcome(fault: TestEndpointFault): Promise<unknown> {
  const undo = provider.misbehave({ endpoints: { discovery: fault } })
  try {
    await discover(provider)
    return 'discovered'
  } catch (error) {
    const { code, cause } = error as { code?: string; cause?: { code?: string } }
    return code ?? cause?.code
  } finally {
    undo()
  }
}

function get(path: string): Promise<Response> {
  return fetch(provider.issuer + path)
}

afterEach(async () => {
  await app?.stop()
  app = undefined
  await provider.stop()
})

describe('an endpoint with a fault', () => {
  it('answers with a status, an HTML page, invalid JSON, or any other body and headers', async () => {
    await start()
    expect(await outcome({ status: 503 })).toBe('OAUTH_RESPONSE_IS_NOT_CONFORM')
    expect(await outcome({ html: true })).toBe('OAUTH_RESPONSE_IS_NOT_JSON')
    expect(await outcome({ html: true, status: 502 })).toBe('OAUTH_RESPONSE_IS_NOT_CONFORM')
    expect(await outcome({ invalidJson: true })).toBe('OAUTH_PARSE_ERROR')
    expect(await outcome({ body: 'text' })).toBe('OAUTH_RESPONSE_IS_NOT_JSON')
    expect(await outcome({ body: { issuer: 'https://elsewhere.example' } })).toBe(
      'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED',
    )
    expect(await outcome({ status: 302, headers: { location: '/jwks' } })).toBe('OAUTH_RESPONSE_IS_NOT_CONFORM')
    expect(await outcome({})).toBe('discovered')
    expect(await outcome({ contentType: 'text/plain', headers: { 'x-one': '1' } })).toBe('discovered')
    provider.misbehave({ endpoints: { jwks: { contentType: 'text/css', headers: { 'retry-after': '7' } } } })
    const { headers } = await get('/jwks')
    expect([headers.get('content-type'), headers.get('retry-after')]).toEqual(['text/css', '7'])
  })

  it('cuts the connection before or during a response', async () => {
    await start()
    expect(await outcome({ drop: true })).toBe('UND_ERR_SOCKET')
    expect(await outcome({ garbage: true })).not.toBe('discovered')
    expect(await outcome({ truncate: true })).toBe('OAUTH_PARSE_ERROR')
    provider.misbehave({ endpoints: { jwks: { status: 200, truncate: true } } })
    const response = await get('/jwks')
    await expect(response.text()).rejects.toThrow('terminated')
    await expect(createUserAgent().get(`${provider.issuer}/jwks`)).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  it('sends a response of any size, or an endless one until the client disconnects', async () => {
    await start()
    const undo = provider.misbehave({ endpoints: { jwks: { bytes: 10_000_000 } } })
    const text = await (await get('/jwks')).text()
    expect(text).toHaveLength(10_000_000)
    expect(JSON.parse(text)).toHaveProperty('keys')
    undo()
    provider.misbehave({ endpoints: { jwks: { bytes: Number.POSITIVE_INFINITY } } })
    const body = (await get('/jwks')).body as ReadableStream<Uint8Array>
    let size = 0
    for await (const chunk of body) {
      size += chunk.length
      if (size > 3_000_000) break
    }
  })

  it('answers again after a client has aborted a held request', async () => {
    await start()
    const undo = provider.misbehave({ endpoints: { jwks: { hang: true, bytes: Number.POSITIVE_INFINITY } } })
    const abort = new AbortController()
    const given = expect(fetch(`${provider.issuer}/jwks`, { signal: abort.signal })).rejects.toThrow('aborted')
    await provider.waitForRequest('jwks')
    abort.abort()
    await given
    await get('/.well-known/openid-configuration')
    undo()
    expect((await get('/jwks')).status).toBe(200)
  })

  it('holds a request until the fault is undone', async () => {
    await start()
    const undo = provider.misbehave({ endpoints: { jwks: { hang: true } } })
    let answered = false
    const response = get('/jwks').then((answer) => {
      answered = true
      return answer
    })
    const request = await provider.waitForRequest('jwks')
    await get('/.well-known/openid-configuration')
    expect([answered, request.status]).toEqual([false, undefined])
    undo()
    expect((await response).status).toBe(200)
    expect(request.status).toBe(200)
  })

  it('holds half of a response until the fault is undone', async () => {
    await start()
    const undo = provider.misbehave({ endpoints: { jwks: { stall: true } } })
    let arrived = false
    const body = (await get('/jwks')).json().then((keySet: unknown) => {
      arrived = true
      return keySet
    })
    await get('/.well-known/openid-configuration')
    expect(arrived).toBe(false)
    undo()
    expect(await body).toHaveProperty('keys')
  })

  it('drops held requests without processing them when the provider stops', async () => {
    await start()
    const { refresh_token } = await logIn(provider)
    provider.misbehave({ endpoints: { token: { hang: true, times: 1 }, jwks: { delayMs: 600_000 } } })
    const params = { grant_type: 'refresh_token', refresh_token: refresh_token as string }
    const waiting = Promise.allSettled([tokenRequest(provider, params), get('/jwks')])
    await provider.waitForRequest('token', 2)
    await provider.waitForRequest('jwks')
    await provider.stop()
    expect((await waiting).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await provider.start()
    expect((await tokenRequest(provider, params)).status).toBe(200)
  })

  it('delays a response', async () => {
    await start()
    provider.misbehave({ endpoints: { jwks: { delayMs: 30 } } })
    const before = performance.now()
    expect((await get('/jwks')).status).toBe(200)
    expect(performance.now() - before).toBeGreaterThan(25)
  })

  it('loses the response before processing the request, or after it with afterProcessing', async () => {
    await start({ refreshTokens: 'rotating' })
    const { refresh_token } = await logIn(provider)
    const params = { grant_type: 'refresh_token', refresh_token: refresh_token as string }
    const undo = provider.misbehave({ endpoints: { token: { drop: true } } })
    await expect(tokenRequest(provider, params)).rejects.toThrow('socket hang up')
    undo()
    provider.misbehave({ endpoints: { token: { drop: true, afterProcessing: true, times: 1 } } })
    await expect(tokenRequest(provider, params)).rejects.toThrow('socket hang up')
    expect((await tokenRequest(provider, params)).json()).toMatchObject({ error: 'invalid_grant' })
  })

  it('fails for a number of requests, or only for some requests', async () => {
    await start()
    provider.misbehave({
      endpoints: {
        jwks: { status: 500, times: 2 },
        authorize: { status: 500, when: ({ params }) => params.get('state') === 'bad' },
      },
    })
    const status = async (path: string): Promise<number> => (await get(path)).status
    expect([await status('/jwks'), await status('/jwks'), await status('/jwks')]).toEqual([500, 500, 200])
    const agent = createUserAgent()
    const authorize = async (state: string): Promise<number> =>
      (await agent.get(authorizeUrl(provider, { state }), { redirect: 'manual' })).status
    expect([await authorize('good'), await authorize('bad')]).toEqual([303, 500])
  })

  it.each<TestEndpoint>(['discovery', 'jwks', 'token', 'userinfo'])(
    'a fault at the %s endpoint makes a client fail',
    async (endpoint) => {
      const app = await startBoth()
      const undo = provider.misbehave({ endpoints: { [endpoint]: { status: 500 } } })
      const work = async (): Promise<unknown> => {
        const page = await createUserAgent().get(`${app.url}/login`)
        if (page.status !== 200) throw new Error(page.text())
        return await fetchUserInfo(await app.config(), app.tokens().access_token, 'alice')
      }
      await expect(work()).rejects.toThrow()
      undo()
      if (endpoint !== 'discovery') await expect(work()).resolves.toMatchObject({ sub: 'alice' })
    },
  )
})

describe('several calls of misbehave()', () => {
  it('applies the latest fault, and undoes faults one by one or all at once', async () => {
    await start()
    const undoFirst = provider.misbehave({ endpoints: { jwks: { status: 500 } } })
    const undoSecond = provider.misbehave({ endpoints: { jwks: { status: 502 } } })
    const status = async (): Promise<number> => (await get('/jwks')).status
    expect(await status()).toBe(502)
    undoFirst()
    expect(await status()).toBe(502)
    undoSecond()
    expect(await status()).toBe(200)
    provider.misbehave({ endpoints: { jwks: { status: 503 } } })
    provider.misbehave({ metadata: { issuer: 'x' } })
    provider.behave()
    expect(await status()).toBe(200)
    expect(await outcome({})).toBe('discovered')
  })

  it('calls the respond hook first, which may return any response', async () => {
    await start()
    provider.misbehave({ endpoints: { jwks: { status: 500 } } })
    provider.misbehave({ respond: () => undefined })
    provider.misbehave({
      respond: ({ endpoint, url }) => {
        if (endpoint !== 'jwks') return undefined
        const response = Response.json({ keys: [], url }, { status: 203 })
        response.headers.append('set-cookie', 'a=1')
        response.headers.append('set-cookie', 'b=2')
        return response
      },
    })
    const response = await get('/jwks?x=1')
    expect(response.status).toBe(203)
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(await response.json()).toEqual({ keys: [], url: `${provider.issuer}/jwks?x=1` })
    expect((await get('/.well-known/openid-configuration')).status).toBe(200)
    const unset = provider.misbehave({ respond: () => new Response('plain') })
    expect(await (await get('/nowhere')).text()).toBe('plain')
    unset()
    expect((await get('/nowhere')).status).toBe(404)
  })

  it('answers 500 with the message of a hook that throws', async () => {
    await start()
    provider.misbehave({
      metadata: () => {
        throw new Error('a mistake in the spec')
      },
    })
    const response = await get('/.well-known/openid-configuration')
    expect(response.status).toBe(500)
    expect(await response.text()).toContain('a mistake in the spec')
  })
})

describe('misbehave()', () => {
  it('alters the metadata', async () => {
    await start()
    provider.misbehave({ metadata: (metadata) => ({ ...metadata, issuer: `${String(metadata.issuer)}/INVALID` }) })
    expect(await outcome({})).toBe('OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED')
    provider.behave()
    provider.misbehave({ metadata: { end_session_endpoint: undefined, extra: 1 } })
    const metadata = await (await get('/.well-known/openid-configuration')).json()
    expect(metadata).toMatchObject({ issuer: provider.issuer, extra: 1 })
    expect(metadata).not.toHaveProperty('end_session_endpoint')
  })

  it('alters the authorization response', async () => {
    const app = await startBoth()
    const reason = async (change: NonNullable<TestFaults['authorizationResponse']>): Promise<unknown> => {
      const undo = provider.misbehave({ authorizationResponse: change })
      const answer = (await createUserAgent().get(`${app.url}/login`)).json()
      undo()
      return answer.reason
    }
    expect(await reason({ iss: 'https://elsewhere.example' })).toContain('"iss"')
    expect(await reason({ iss: undefined })).toContain('"iss"')
    expect(await reason({ state: undefined })).toContain('"state"')
    expect(await reason((params) => ({ ...params, code: [String(params.code), 'other'] }))).toContain('"code"')
    expect(await reason(async (params) => await Promise.resolve({ ...params, extra: '1' }))).toBeUndefined()
    provider.deny()
    expect(await reason({ error: 'interaction_required', error_description: undefined })).toBeDefined()
  })

  it('alters the token response', async () => {
    const app = await startBoth()
    provider.misbehave({ tokenResponse: { expires_in: undefined } })
    expect((await createUserAgent().get(`${app.url}/login`)).status).toBe(200)
    expect(app.tokens().expiresIn()).toBeUndefined()
    provider.misbehave({ tokenResponse: (body) => ({ ...body, token_type: 'mac' }) })
    await expect(refreshTokenGrant(await app.config(), app.tokens().refresh_token ?? '')).rejects.toMatchObject({
      code: 'OAUTH_UNSUPPORTED_OPERATION',
    })
  })
})

it.each<[object, string]>([
  [{ endpoint: {} }, '"endpoint" is not a member of misbehave'],
  [{ endpoints: { tokens: {} } }, '"tokens" is not a member of endpoints'],
  [{ endpoints: { token: { statut: 500 } } }, '"statut" is not a member of endpoints.token'],
  [{ endpoints: { token: { status: 99 } } }, 'endpoints.token.status must be a whole number'],
  [{ endpoints: { token: { times: -1 } } }, 'endpoints.token.times'],
  [{ endpoints: { token: { when: true } } }, 'endpoints.token.when must be a function'],
  [{ endpoints: { token: { bytes: 'many' } } }, 'endpoints.token.bytes'],
  [{ endpoints: [] }, 'endpoints must be an object'],
  [{ respond: {} }, 'respond must be a function'],
  [{ metadata: 'x' }, 'metadata must be a function, or an object to merge'],
  [{ jwks: null }, 'jwks must be a function, or an object to merge'],
  [{ idToken: { claim: {} } }, '"claim" is not a member of idToken'],
  [{ idToken: { claims: 1 } }, 'idToken.claims'],
  [{ accessToken: { header: 1 } }, 'accessToken.header'],
  [{ userInfo: { signature: 'bad' } }, 'userInfo.signature must be one of corrupt'],
  [{ rotateKeys: 'sometimes' }, 'rotateKeys must be one of before-signing, after-signing'],
  [{ rotateKeys: { when: 'after-signing', kid: 1 } }, 'rotateKeys.kid'],
])('misbehave() rejects the fault %j', async (fault, message) => {
  await start()
  expect(() => provider.misbehave(fault)).toThrow(new RegExp(`^${message.replace(/[.]/g, '\\.')}`))
})
