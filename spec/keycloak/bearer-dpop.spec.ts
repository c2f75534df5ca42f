/** Access tokens that a real Keycloak binds to a key of the client (RFC 9449). */
import { describe, expect, it } from 'vitest'
import * as openid from 'openid-client'
import type { BearerRule } from 'express-session-oidc'
import { dpopClient, type DpopClient, type ProofParts } from '../support/dpop.ts'
import { addAudience, apiRealm, getContent, orders, type Api, type ApiOptions, type Client } from './api-realm.ts'

const realm = apiRealm('tokens that are bound by DPoP')
const tokenUrl = `${realm.issuer}/protocol/openid-connect/token`
const rules: Record<string, BearerRule> = { '/orders': {}, '/admin': { roles: 'admin' } }

const boundClient = async (): Promise<Client> => {
  const client = await realm.client({ attributes: { 'dpop.bound.access.tokens': 'true' } })
  await addAudience(realm, client)
  return client
}

/** Tokens of Alice, bound to a key that was proved to Keycloak. */
async function bound(client: Client, key: DpopClient): Promise<{ access: string; refresh: string }> {
  const { status, body } = await realm.ask(
    client,
    { grant_type: 'password', username: 'alice', password: 'alice-pw', scope: 'openid' },
    { dpop: await key.proof({ url: tokenUrl, method: 'POST', token: '', claims: { ath: undefined } }) },
  )
  expect(status, JSON.stringify(body)).toBe(200)
  expect(body['token_type']).toBe('DPoP')
  return { access: body['access_token'] as string, refresh: body['refresh_token'] as string }
}

interface World {
  readonly api: Api
  readonly key: DpopClient
  readonly token: string
  /** The headers of a valid call to `/orders`, or of one with a changed proof. */
  readonly headers: (changes?: Partial<ProofParts>) => Promise<Record<string, string>>
}

async function world(options: ApiOptions = (url) => ({ baseUrl: url, dpop: { replay: 'memory' } })): Promise<World> {
  const api = await realm.api(options, rules)
  const key = await dpopClient()
  const { access: token } = await bound(await boundClient(), key)
  expect(getContent(token).claims['cnf']).toMatchObject({ jkt: key.thumbprint })
  return {
    api,
    key,
    token,
    async headers(changes = {}) {
      const proof = await key.proof({ url: `${api.url}/orders`, token, ...changes })
      return { authorization: `DPoP ${token}`, dpop: proof }
    },
  }
}

describe.skipIf(!realm.isThere)('a bound token of Keycloak', () => {
  it('a bound token is accepted with a proof for each request, and its roles apply', async () => {
    const { api, headers } = await world()
    expect((await api.call(await headers(), '/orders')).status).toBe(200)
    expect((await api.call(await headers(), '/orders?page=2')).status).toBe(200)
    expect((await api.call(await headers({ method: 'POST' }), '/orders', 'POST')).status).toBe(200)
    const admin = await api.call(await headers({ url: `${api.url}/admin` }), '/admin')
    expect(admin).toMatchObject({ status: 200, body: { roles: expect.arrayContaining(['admin']) as unknown } })
    expect(api.events).toEqual([])
  })

  const refused: [string, (world: World) => Promise<Record<string, string>>, RegExp][] = [
    [
      'as a plain Bearer token',
      async ({ token }) => ({ authorization: `Bearer ${token}` }),
      /present it with the scheme DPoP/,
    ],
    [
      'as a Bearer token with a valid proof',
      async ({ token, headers }) => ({ ...(await headers()), authorization: `Bearer ${token}` }),
      /present it with the scheme DPoP/,
    ],
    ['without a proof', async ({ token }) => ({ authorization: `DPoP ${token}` }), /the DPoP header is missing/],
    [
      'with a proof by another key',
      async ({ api, token }) => ({
        authorization: `DPoP ${token}`,
        dpop: await (await dpopClient()).proof({ url: `${api.url}/orders`, token }),
      }),
      /not the one that the token is bound to/,
    ],
    ['with a proof for another URL', ({ api, headers }) => headers({ url: `${api.url}/admin` }), /htu is not http:/],
    [
      'with the proof that the token was obtained with',
      ({ headers }) => headers({ url: tokenUrl, method: 'POST', claims: { ath: undefined } }),
      /htm is not the method of the request/,
    ],
    [
      'with a proof for another method',
      ({ headers }) => headers({ method: 'POST' }),
      /htm is not the method of the request/,
    ],
    [
      'with a proof for another token',
      ({ headers }) => headers({ token: 'another' }),
      /ath is not the hash of the access token/,
    ],
  ]
  it.each(refused)('a bound token %s is rejected', async (_, presented, reason) => {
    const made = await world()
    const answer = await made.api.call(await presented(made), '/orders')
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_dpop_proof' } })
    expect(answer.challenge).toMatch(
      /^Bearer realm="orders", .*DPoP realm="orders", error="invalid_dpop_proof", .*algs="/,
    )
    expect(made.api.events).toEqual([{ name: 'token_rejected', detail: expect.stringMatching(reason) as string }])
  })

  it('a used proof is rejected, even if the token is cached', { meta: { id: 'bearer-dpop-1' } }, async () => {
    const { api, headers } = await world()
    const used = await headers()
    expect((await api.call(used, '/orders')).status).toBe(200)
    for (let time = 0; time < 3; time++) expect((await api.call(used, '/orders')).status).toBe(401)
    const event = { name: 'token_rejected', detail: 'DPoP proof: jti was used before' }
    expect(api.events).toEqual([event, event, event])
    expect((await api.call(await headers(), '/orders')).status).toBe(200)
  })

  it('an API without the option dpop rejects a bound token, with and without a proof', async () => {
    const { api, token, headers } = await world({})
    for (const presented of [await headers(), { authorization: `Bearer ${token}` }]) {
      expect(await api.call(presented, '/orders')).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
    }
    const event = {
      name: 'token_rejected',
      detail: 'the token is bound to a key (cnf); set `dpop` to accept such tokens',
    }
    expect(api.events).toEqual([event, event])
  })

  it('a bound token needs its proof even if it is introspected', async () => {
    const { api, token, headers } = await world((url) => ({
      baseUrl: url,
      dpop: { replay: 'memory' },
      introspection: { clientId: orders.clientId, clientSecret: orders.secret, tokens: 'all' },
    }))
    expect((await api.call(await headers(), '/orders')).status).toBe(200)
    expect((await api.call({ authorization: `Bearer ${token}` }, '/orders')).status).toBe(401)
    expect((await api.call({ authorization: `DPoP ${token}` }, '/orders')).status).toBe(401)
  })
})

describe.skipIf(!realm.isThere)('a client with openid-client', () => {
  it('openid-client gets a bound token, calls the API, refreshes, and calls again', async () => {
    const api = await realm.api((url) => ({ baseUrl: url, dpop: { replay: 'memory' } }), rules)
    const { clientId } = await boundClient()
    const config = await openid.discovery(new URL(realm.issuer), clientId, undefined, openid.None(), {
      execute: [openid.allowInsecureRequests],
    })
    const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair('ES256'))
    const grant = { username: 'alice', password: 'alice-pw', scope: 'openid' }
    const first = await openid.genericGrantRequest(config, 'password', grant, { DPoP })
    const call = async (token: string): Promise<number> => {
      const url = new URL(`${api.url}/admin`)
      const answer = await openid.fetchProtectedResource(config, token, url, 'GET', undefined, undefined, { DPoP })
      return answer.status
    }
    expect(await call(first.access_token)).toBe(200)
    const second = await openid.refreshTokenGrant(config, first.refresh_token ?? '', undefined, { DPoP })
    expect(second.access_token).not.toBe(first.access_token)
    expect(await call(second.access_token)).toBe(200)
    expect(await call(first.access_token)).toBe(200)
    expect((await api.call(second.access_token, '/admin')).status).toBe(401)
  })
})

describe.skipIf(!realm.isThere)('an unbound token of Keycloak', () => {
  it('an unbound token is accepted only in the Bearer scheme by an API that accepts bound tokens', async () => {
    const api = await realm.api((url) => ({ baseUrl: url, dpop: { replay: 'memory' } }), rules)
    const client = await realm.client()
    await addAudience(realm, client)
    const { access: token } = await realm.tokens(client, 'alice')
    expect((await api.call(token, '/orders')).status).toBe(200)
    const proof = await (await dpopClient()).proof({ url: `${api.url}/orders`, token })
    expect((await api.call({ authorization: `DPoP ${token}`, dpop: proof }, '/orders')).status).toBe(401)
  })
})
