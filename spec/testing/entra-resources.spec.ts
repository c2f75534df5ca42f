/** Access tokens of the simulated Entra for several APIs, and the consent that they need. */
import { startTestEntra, testTenants, type TestEntra } from 'express-session-oidc/testing'
import { createLocalJWKSet, decodeJwt, jwtVerify, type JSONWebKeySet } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { dpopClient } from '../support/dpop.ts'
import { entraLogin, entraTokens, type EntraAnswer } from './support/entra-raw.ts'

const { contoso } = testTenants
const authority = `https://login.microsoftonline.com/${contoso}`
const orders = { appId: 'd0000000-0000-4000-8000-000000000001', uri: 'api://orders' }
const stock = {
  appId: 'd0000000-0000-4000-8000-000000000002',
  uri: 'https://stock.contoso.example',
  version: 1,
} as const

let id: TestEntra
beforeAll(async () => {
  id = await startTestEntra({ apis: [orders, stock] })
})
afterAll(() => id.stop())
beforeEach(() => {
  id.forget()
  id.misbehave()
  id.consentTo([])
  id.signIn('alice')
})

const login = (scope: string, more?: Record<string, string>): Promise<EntraAnswer> =>
  entraLogin(id, authority, scope, more)

/** The refresh token of a login with this scope. */
async function refreshToken(scope: string): Promise<string> {
  const { body } = await login(`offline_access ${scope}`)
  return body['refresh_token'] as string
}

async function refresh(token: string, scope?: string): Promise<EntraAnswer> {
  const params = { grant_type: 'refresh_token', refresh_token: token, ...(scope === undefined ? {} : { scope }) }
  return await entraTokens(id, authority, params)
}

function access({ body }: EntraAnswer): Record<string, unknown> {
  return decodeJwt(body['access_token'] as string)
}

describe('a refresh at the simulated Entra', () => {
  it('issues a token for another API, with the audience, version and scope of that API', async () => {
    id.consentTo(['api://orders/Orders.Read', 'https://stock.contoso.example/Stock.Read'])
    const token = await refreshToken('openid User.Read')
    const first = await refresh(token, 'api://orders/Orders.Read')
    expect(access(first)).toMatchObject({ aud: orders.appId, scp: 'Orders.Read', ver: '2.0', tid: contoso })
    expect(first.body).toMatchObject({ token_type: 'Bearer', scope: 'api://orders/Orders.Read' })
    const second = await refresh(token, `openid ${stock.appId}/Stock.Read`)
    expect(access(second)).toMatchObject({ aud: stock.uri, scp: 'Stock.Read', ver: '1.0' })
    // The scope of the login belongs to no API.
    expect(second.body['scope']).toBe(`${stock.appId}/Stock.Read`)
    const set = createLocalJWKSet((await (await id.fetch(`${authority}/discovery/v2.0/keys`)).json()) as JSONWebKeySet)
    for (const { body } of [first, second]) {
      await jwtVerify(body['access_token'] as string, set, { algorithms: ['RS256'] })
    }
  })

  it('issues a token for the API of the login if no scope is requested', async () => {
    const token = await refreshToken('openid api://orders/Orders.Read')
    const { body } = await refresh(token)
    expect(decodeJwt(body['access_token'] as string)).toMatchObject({ aud: orders.appId, scp: 'Orders.Read' })
    expect(body).toHaveProperty('id_token')
    const plain = await refresh(await refreshToken('openid profile'))
    expect(access(plain)).toMatchObject({ aud: '00000003-0000-0000-c000-000000000000' })
  })

  it('issues a new refresh token each time, and keeps the previous ones valid', async () => {
    const first = await refreshToken('openid User.Read')
    const second = (await refresh(first, 'https://graph.microsoft.com/User.Read')).body['refresh_token']
    expect(second).not.toBe(first)
    expect((await refresh(second as string)).status).toBe(200)
    expect((await refresh(first)).status).toBe(200)
  })

  it('issues an ID token without a nonce if openid is requested', async () => {
    const token = await refreshToken('openid profile User.Read')
    const { body } = await refresh(token, 'openid profile User.Read')
    const claims = decodeJwt(body['id_token'] as string)
    expect(claims).toMatchObject({ aud: id.clientId, oid: 'aaaaaaaa-0000-4000-8000-000000000001' })
    expect(claims).not.toHaveProperty('nonce')
    expect((await refresh(token, 'User.Read')).body).not.toHaveProperty('id_token')
  })

  it('rejects scope of several APIs', async () => {
    id.consentTo(['api://orders/Orders.Read', 'https://stock.contoso.example/Stock.Read'])
    const token = await refreshToken('openid User.Read')
    const several = { status: 400, body: { error: 'invalid_request', error_codes: [28_000] } }
    expect(
      await refresh(token, 'openid api://orders/Orders.Read https://stock.contoso.example/Stock.Read'),
    ).toMatchObject(several)
    expect(await refresh(token, 'User.Read api://orders/Orders.Read')).toMatchObject(several)
    // The same API, by its URI and by its ID.
    expect(await refresh(token, `api://orders/Orders.Read ${orders.appId}/Orders.Read`)).toMatchObject({ status: 200 })
  })

  it('rejects scope of an unknown API', async () => {
    const token = await refreshToken('openid')
    expect(await refresh(token, 'api://mail/Mail.Read')).toMatchObject({
      status: 400,
      body: { error: 'invalid_resource', error_codes: [500_011] },
    })
  })

  it('rejects an unknown refresh token, whatever the scope', async () => {
    expect(await refresh('unknown', 'api://orders/Orders.Read')).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    })
  })

  it('ignores a DPoP proof', async () => {
    const params = { grant_type: 'refresh_token', refresh_token: await refreshToken('openid') }
    const proof = await (await dpopClient()).proof({ url: 'https://elsewhere.example', token: '' })
    const answer = await id.fetch(`${authority}/oauth2/v2.0/token`, {
      method: 'POST',
      headers: { dpop: proof },
      body: new URLSearchParams({ ...params, client_id: id.clientId, client_secret: id.clientSecret ?? '' }),
    })
    expect(await answer.json()).toMatchObject({ token_type: 'Bearer' })
  })
})

describe('consent at the simulated Entra', () => {
  const unconsented = {
    status: 400,
    body: { error: 'invalid_grant', suberror: 'consent_required', error_codes: [65_001] },
  }

  it('rejects scope that no login requested, with consent_required in the format of Entra', async () => {
    const token = await refreshToken('openid api://orders/Orders.Read')
    const answer = await refresh(token, 'api://orders/Orders.Write')
    expect(answer).toMatchObject(unconsented)
    const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/
    const time = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/
    expect(answer.body).toEqual({
      error: 'invalid_grant',
      suberror: 'consent_required',
      error_description: expect.stringMatching(/^AADSTS65001: /) as string,
      error_codes: [65_001],
      timestamp: expect.stringMatching(time) as string,
      trace_id: expect.stringMatching(uuid) as string,
      correlation_id: expect.stringMatching(uuid) as string,
      error_uri: 'https://login.microsoftonline.com/error?code=65001',
    })
    expect(await refresh(token, 'User.Read')).toMatchObject(unconsented)
    expect(await refresh(token, 'openid profile email offline_access')).toMatchObject({ status: 200 })
  })

  it('the consent of a user covers the scope of all their logins, and no other user', async () => {
    const token = await refreshToken('openid User.Read')
    expect(await refresh(token, 'api://orders/Orders.Read')).toMatchObject(unconsented)
    await login('openid api://orders/Orders.Read')
    expect(await refresh(token, 'api://orders/Orders.Read')).toMatchObject({ status: 200 })
    expect(await refresh(token, `${orders.appId}/Orders.Read`)).toMatchObject({ status: 200 })
    id.signIn('greta')
    expect(await refresh(await refreshToken('openid'), 'api://orders/Orders.Read')).toMatchObject(unconsented)
  })

  it('the consent of an administrator covers all users', async () => {
    id.consentTo([`${orders.appId}/Orders.Read`])
    for (const user of ['alice', 'greta']) {
      id.signIn(user)
      expect(await refresh(await refreshToken('openid'), 'api://orders/Orders.Read')).toMatchObject({ status: 200 })
    }
  })

  it('.default of an API means all scope of that API with consent', async () => {
    id.consentTo(['api://orders/Orders.Read', 'api://orders/Orders.Write', 'User.Read'])
    const token = await refreshToken('openid profile')
    const answer = await refresh(token, 'openid profile offline_access api://orders/.default')
    expect(access(answer)).toMatchObject({ aud: orders.appId, scp: 'Orders.Read Orders.Write' })
    expect(answer.body['scope']).toBe('api://orders/Orders.Read api://orders/Orders.Write api://orders/.default')
    expect(await refresh(token, `${stock.uri}/.default`)).toMatchObject(unconsented)
    expect(await refresh(token, 'api://orders/.default api://orders/Orders.Read')).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope', error_codes: [70_011] },
    })
    const atLogin = await login('openid api://orders/.default')
    expect(access(atLogin)).toMatchObject({ scp: 'Orders.Read Orders.Write' })
  })

  it('consentTo() replaces all earlier consent', async () => {
    const token = await refreshToken('openid api://orders/Orders.Read')
    id.consentTo(['User.Read'])
    expect(await refresh(token)).toMatchObject(unconsented)
    expect(await refresh(token, 'https://graph.microsoft.com/User.Read')).toMatchObject({ status: 200 })
    expect(() => id.consentTo('User.Read' as unknown as string[])).toThrow('the scope to consent to must be an array')
  })
})

describe('a login at the simulated Entra with scope of APIs', () => {
  const several = 'openid offline_access User.Read api://orders/Orders.Read'

  it('requires a token request for one API if the login had scope of several', async () => {
    expect(await login(several)).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', error_codes: [28_003] },
    })
    expect(await login(several, { scope: several })).toMatchObject({
      status: 400,
      body: { error: 'invalid_request', error_codes: [28_000] },
    })
    const answer = await login(several, { scope: 'openid api://orders/Orders.Read' })
    expect(access(answer)).toMatchObject({ aud: orders.appId, scp: 'Orders.Read' })
    expect(answer.body).toHaveProperty('id_token')
    const token = answer.body['refresh_token'] as string
    expect(access(await refresh(token, 'User.Read'))).toMatchObject({ scp: 'User.Read' })
    expect(await refresh(token)).toMatchObject({ status: 400, body: { error_codes: [28_003] } })
  })

  it('issues no ID token without openid, and no refresh token without offline_access', async () => {
    const { body } = await login('api://orders/Orders.Read')
    expect(body).not.toHaveProperty('id_token')
    expect(body).not.toHaveProperty('refresh_token')
    expect(decodeJwt(body['access_token'] as string)).toMatchObject({ scp: 'Orders.Read' })
  })
})
