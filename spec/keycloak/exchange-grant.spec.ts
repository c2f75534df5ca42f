/** Token exchange at Keycloak (RFC 8693, its "standard token exchange"), as the package relies on it. */
import { beforeAll, describe, expect, it } from 'vitest'
import { addAudience, apiRealm, getContent, type Client, type TokenAnswer } from './api-realm.ts'

const realm = apiRealm('token exchange')

type Parameters = Record<string, string | readonly string[]>

const type = (name: string): string => `urn:ietf:params:oauth:token-type:${name}`
const permitted = { attributes: { 'standard.token.exchange.enabled': 'true' } }

/** Its tokens are for `orders`, and with the optional scope `toBilling` also for `billing`. */
let web: Client
let toOrders: string
let toBilling: string

beforeAll(async () => {
  if (!realm.isThere) return
  web = await realm.client({ secret: 'web-secret', ...permitted })
  toOrders = await addAudience(realm, web)
  const mapper = { 'included.client.audience': 'billing' }
  toBilling = await addAudience(realm, web, { isOptional: true, mapper })
})

function exchange(client: Client, token: string, more: Parameters = {}): Promise<TokenAnswer> {
  return realm.ask(client, {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: token,
    subject_token_type: type('access_token'),
    ...more,
  })
}

function readClaims({ body }: TokenAnswer): Record<string, unknown> {
  return getContent(String(body['access_token'])).claims
}

/** Whether a response grants this scope besides the default scope of the client. */
function grants({ body }: TokenAnswer, ...scope: string[]): boolean {
  const expected = ['profile', 'email', toOrders, ...scope].toSorted()
  return String(body['scope']).split(' ').toSorted().join(' ') === expected.join(' ')
}

const refused = (error: string, description: string, status = 400): object => ({
  status,
  body: { error, error_description: description },
})

describe.skipIf(!realm.isThere)('an exchange of an access token at Keycloak', () => {
  it('issues a token for the requested audience only, without a refresh token', async () => {
    const { access } = await realm.tokens(web, 'bob', `openid ${toBilling}`)
    expect(getContent(access).claims['aud']).toEqual(expect.arrayContaining(['orders', 'billing']))
    const answer = await exchange(web, access, { audience: 'orders' })
    expect(answer).toMatchObject({
      status: 200,
      body: { issued_token_type: type('access_token'), token_type: 'Bearer', expires_in: expect.any(Number) },
    })
    expect(answer.body).not.toHaveProperty('refresh_token')
    const { sub, sid } = getContent(access).claims
    expect(readClaims(answer)).toMatchObject({ aud: 'orders', azp: web.clientId, sub, sid })
  })

  it('issues a token with the requested scope, whatever the scope of the login', async () => {
    const { access } = await realm.tokens(web, 'bob')
    const answer = await exchange(web, access, { audience: 'billing', scope: `openid ${toBilling}` })
    expect(readClaims(answer)['aud']).toBe('billing')
    expect(grants(answer, 'openid', toBilling)).toBe(true)
  })

  it('issues a token with the default scope of the client, not of the login, if none is requested', async () => {
    const { access } = await realm.tokens(web, 'bob', `openid ${toBilling}`)
    const answer = await exchange(web, access, { audience: 'orders' })
    expect(grants(answer, 'openid')).toBe(true)
  })

  it('issues a token for several audiences, or for those of the client if none is requested', async () => {
    const { access } = await realm.tokens(web, 'bob', `openid ${toBilling}`)
    const both = await exchange(web, access, { audience: ['orders', 'billing'], scope: `openid ${toBilling}` })
    expect(readClaims(both)['aud']).toEqual(expect.arrayContaining(['orders', 'billing']))
    expect(readClaims(await exchange(web, access))['aud']).toBe('orders')
  })

  it('ignores the resource parameter', async () => {
    const { access } = await realm.tokens(web, 'bob')
    const answer = await exchange(web, access, { resource: ['https://billing.example', 'no address'] })
    expect(readClaims(answer)['aud']).toBe('orders')
  })

  it('lets the API in the audience exchange a token on behalf of the user', async () => {
    const api = await realm.client({ secret: 'api-secret', ...permitted })
    const front = await realm.client()
    await addAudience(realm, front, { mapper: { 'included.client.audience': api.clientId } })
    const { access, id } = await realm.tokens(front, 'bob')
    const answer = await exchange(api, access)
    expect(answer.status).toBe(200)
    expect(readClaims(answer)).toMatchObject({ azp: api.clientId, sub: getContent(id).claims['sub'] })
  })
})

describe.skipIf(!realm.isThere)('a login after an exchange at Keycloak', () => {
  const refresh = (token: string): Promise<TokenAnswer> =>
    realm.ask(web, { grant_type: 'refresh_token', refresh_token: token })

  it('a login is refreshed as before after an exchange whose scope had openid', async () => {
    const { access, refresh: token } = await realm.tokens(web, 'bob')
    const before = await refresh(token)
    await exchange(web, access, { audience: 'orders', scope: 'openid' })
    const after = await refresh(token)
    expect(after.body['scope']).toBe(before.body['scope'])
    expect(after.body).toHaveProperty('id_token')
  })

  // Keycloak keeps the scope of the exchange for the whole client session, and looks for `openid` there.
  it('a login gets no ID token from refreshes after an exchange whose scope had no openid', async () => {
    const { access, refresh: token } = await realm.tokens(web, 'bob')
    await exchange(web, access, { audience: 'orders', scope: 'email' })
    const without = await refresh(token)
    expect(without.status).toBe(200)
    expect(grants(without, 'openid')).toBe(true)
    expect(without.body).not.toHaveProperty('id_token')
    await exchange(web, access, { audience: 'orders', scope: 'openid email' })
    expect((await refresh(token)).body).toHaveProperty('id_token')
  })
})

describe.skipIf(!realm.isThere)('an exchange that Keycloak rejects', () => {
  it.each([
    [
      'an audience that no mapper puts into the tokens of the client',
      { audience: 'billing' },
      'invalid_request',
      'Requested audience not available: billing',
    ],
    // The credentials are valid, although RFC 6749 5.2 defines this error for invalid ones only.
    ['an audience that is not a client of the realm', { audience: 'nonesuch' }, 'invalid_client', 'Audience not found'],
    ['an audience that is a URL', { audience: 'https://orders.example' }, 'invalid_client', 'Audience not found'],
    ['an unknown scope', { scope: 'nonesuch' }, 'invalid_scope', 'Invalid scopes: nonesuch'],
    [
      'a refresh token',
      { requested_token_type: type('refresh_token') },
      'invalid_request',
      'requested_token_type unsupported',
    ],
    [
      'a token of type jwt',
      { requested_token_type: type('jwt') },
      'invalid_request',
      'requested_token_type unsupported',
    ],
    ['anything with an invalid subject token', { subject_token: 'none' }, 'invalid_request', 'Invalid token'],
  ])('rejects an exchange that requests %s', async (_, parameters: Parameters, error, description) => {
    const { access } = await realm.tokens(web, 'bob')
    expect(await exchange(web, access, parameters)).toEqual(refused(error, description))
  })

  it.each(['id', 'refresh'] as const)('rejects an exchange of the %s token', async (kind) => {
    const tokens = await realm.tokens(web, 'bob')
    const answer = await exchange(web, tokens[kind], { subject_token_type: type(`${kind}_token`) })
    expect(answer).toEqual(refused('invalid_request', "Parameter 'subject_token' supports access tokens only"))
  })

  it('rejects a client without permission, a public client, and a client outside the audience', async () => {
    const { access } = await realm.tokens(web, 'bob')
    const plain = await realm.client({ secret: 'plain-secret' })
    expect(await exchange(plain, (await realm.tokens(plain, 'bob')).access)).toEqual(
      refused('invalid_request', 'Standard token exchange is not enabled for the requested client'),
    )
    expect(await exchange(await realm.client(permitted), access)).toEqual(
      refused('invalid_client', 'Public client is not allowed to exchange token'),
    )
    const other = await realm.client({ secret: 'other-secret', ...permitted })
    expect(await exchange(other, access)).toEqual(
      refused('access_denied', 'Client is not within the token audience', 403),
    )
    expect(await exchange({ ...web, secret: 'not it' }, access)).toEqual(
      refused('unauthorized_client', 'Invalid client or Invalid client credentials', 401),
    )
  })

  it('rejects a token of an ended session or of a disabled user, without naming the reason', async () => {
    const first = await realm.tokens(web, 'bob')
    await realm.admin('DELETE', `/sessions/${String(getContent(first.access).claims['sid'])}`)
    expect(await exchange(web, first.access)).toEqual(refused('invalid_request', 'Invalid token'))

    const second = await realm.tokens(web, 'bob')
    const path = `/users/${String(getContent(second.access).claims['sub'])}`
    realm.later(() => realm.admin('PUT', path, { enabled: true }))
    await realm.admin('PUT', path, { enabled: false })
    expect(await exchange(web, second.access)).toEqual(refused('invalid_request', 'Invalid token'))
  })
})
