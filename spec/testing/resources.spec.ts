/** Access tokens for requested resources (RFC 8707), and refreshes with less scope. */
import { decodeJwt } from 'jose'
import { afterEach, describe, expect, it } from 'vitest'
import {
  createUserAgent,
  type TestJsonObject,
  startTestProvider,
  type TestProvider,
  type TestProviderOptions,
} from '../../lib/testing.ts'
import { authorizeUrl, callback, credentials, getResponse } from './support/raw.ts'

let provider: TestProvider

const orders = 'https://orders.example'
const stock = 'https://stock.example/v1'
const mail = 'urn:example:mail'

type Params = readonly (readonly [string, string])[]

async function start(options?: TestProviderOptions): Promise<void> {
  provider = await startTestProvider({ algorithm: 'ES256', signIn: 'alice', ...options })
}

afterEach(async () => {
  await provider.stop()
})

function resources(...uris: string[]): Params {
  return uris.map((uri) => ['resource', uri] as const)
}

/** Takes pairs, because parameters may be repeated. */
async function send(path: string, params: Params): Promise<{ status: number; body: TestJsonObject }> {
  const body = new URLSearchParams([...Object.entries(credentials(provider)), ...params].map(([...pair]) => pair))
  const answer = await createUserAgent().fetch(provider.issuer + path, { method: 'POST', body })
  return { status: answer.status, body: answer.json() }
}

/** The parameters of the response to an authorization request. */
async function ask(params: Params): Promise<Record<string, string>> {
  const url = new URL(authorizeUrl(provider, { scope: 'openid orders:read stock:read' }))
  for (const [name, value] of params) url.searchParams.append(name, value)
  return getResponse(await createUserAgent().get(url.href, { redirect: 'manual' }))
}

async function redeem(
  code: string | undefined,
  params: Params = [],
): Promise<{ status: number; body: TestJsonObject }> {
  return await send('/token', [
    ['grant_type', 'authorization_code'],
    ['code', code ?? ''],
    ['redirect_uri', callback],
    ...params,
  ])
}

async function refresh(token: unknown, params: Params = []): Promise<{ status: number; body: TestJsonObject }> {
  return await send('/token', [['grant_type', 'refresh_token'], ['refresh_token', String(token)], ...params])
}

function getAudience({ body }: { body: TestJsonObject }): unknown {
  return decodeJwt(body.access_token as string).aud
}

describe('the resources of an authorization request', () => {
  it('the requested resources are the audience of the access token, even after a refresh', async () => {
    await start()
    const tokens = await redeem((await ask(resources(orders, stock))).code)
    expect(getAudience(tokens)).toEqual([orders, stock])
    expect(getAudience(await refresh(tokens.body.refresh_token))).toEqual([orders, stock])
  })

  it('resources work in pushed requests', async () => {
    await start({ pushedRequests: 'required' })
    const request: Params = [
      ['response_type', 'code'],
      ['redirect_uri', callback],
      ['scope', 'openid'],
    ]
    const pushed = await send('/par', [...request, ...resources(orders, stock)])
    expect(pushed.status).toBe(201)
    const { request_uri } = pushed.body
    const back = getResponse(
      await createUserAgent().get(authorizeUrl(provider, { request_uri: request_uri as string }), {
        redirect: 'manual',
      }),
    )
    expect(getAudience(await redeem(back.code))).toEqual([orders, stock])
    expect(await send('/par', [...request, ...resources('orders')])).toMatchObject({
      status: 400,
      body: { error: 'invalid_target' },
    })
  })

  it('narrows one access token to some resources, while the refresh token stays valid for all', async () => {
    await start()
    const tokens = await redeem((await ask(resources(orders, stock, mail))).code, resources(stock))
    expect(getAudience(tokens)).toBe(stock)
    const { refresh_token } = tokens.body
    expect(getAudience(await refresh(refresh_token, resources(orders)))).toBe(orders)
    expect(getAudience(await refresh(refresh_token, resources(orders, mail)))).toEqual([orders, mail])
    expect(getAudience(await refresh(refresh_token))).toEqual([orders, stock, mail])
  })

  it('rejects a token request for a resource that was not granted', async () => {
    await start()
    const invalid = { status: 400, body: { error: 'invalid_target' } }
    expect(await redeem((await ask(resources(orders))).code, resources(orders, stock))).toMatchObject(invalid)
    const tokens = await redeem((await ask(resources(orders))).code)
    const { refresh_token } = tokens.body
    expect(await refresh(refresh_token, resources(stock))).toMatchObject(invalid)
    expect(await refresh(refresh_token, resources(orders))).toMatchObject({ status: 200 })
  })

  it('rejects a resource that is not an absolute URI or has a fragment', async () => {
    await start()
    for (const uri of ['orders', '/orders', `${orders}#part`, `${orders}#`, '']) {
      expect(await ask(resources(orders, uri))).toMatchObject({ error: 'invalid_target', state: 'the-state' })
    }
    const tokens = await redeem((await ask([])).code)
    expect((await refresh(tokens.body.refresh_token, resources('orders'))).body.error).toBe('invalid_target')
  })

  it('rejects a resource that the option resources does not list', async () => {
    await start({ resources: [orders, stock] })
    expect(await ask(resources(orders, mail))).toMatchObject({ error: 'invalid_target' })
    const tokens = await redeem((await ask([])).code)
    const { refresh_token } = tokens.body
    expect((await refresh(refresh_token, resources(mail))).body.error).toBe('invalid_target')
    expect(getAudience(await refresh(refresh_token, resources(stock)))).toBe(stock)
  })
})

describe('a refresh with scope', () => {
  const scope = (text: string): Params => [['scope', text]]

  it('issues an access token with less scope, and an ID token only if the scope has openid', async () => {
    await start()
    const tokens = await redeem((await ask([])).code)
    const { refresh_token } = tokens.body
    const less = await refresh(refresh_token, scope('orders:read'))
    expect(less.body.scope).toBe('orders:read')
    expect(decodeJwt(less.body.access_token as string).scope).toBe('orders:read')
    expect(less.body).not.toHaveProperty('id_token')
    expect((await refresh(refresh_token, scope('stock:read  openid'))).body).toMatchObject({
      scope: 'stock:read openid',
      id_token: expect.any(String) as string,
    })
    const all = { scope: 'openid orders:read stock:read', id_token: expect.any(String) as string }
    expect((await refresh(refresh_token)).body).toMatchObject(all)
    expect((await refresh(refresh_token, scope(''))).body).toMatchObject(all)
  })

  it('rejects more scope than was granted, without using up the refresh token', async () => {
    await start({ refreshTokens: 'rotating' })
    const tokens = await redeem((await ask([])).code)
    const { refresh_token } = tokens.body
    expect(await refresh(refresh_token, scope('openid mail:send'))).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope' },
    })
    expect(await refresh(refresh_token, [...scope('orders:read'), ...resources(orders)])).toMatchObject({
      status: 200,
      body: { scope: 'orders:read' },
    })
  })
})
