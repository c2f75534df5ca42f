/** Token exchange (RFC 8693). */
import { decodeJwt } from 'jose'
import { fetchUserInfo, genericGrantRequest, tokenIntrospection, tokenRevocation } from 'openid-client'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type TestJsonObject,
  startTestProvider,
  type TestProvider,
  type TestProviderOptions,
} from '../../lib/testing.ts'
import { tokenRequest } from './support/raw.ts'
import { discover } from './support/relying-party.ts'

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

let provider: TestProvider

async function start(options?: TestProviderOptions): Promise<void> {
  provider = await startTestProvider({ algorithm: 'ES256', ...options })
}

afterEach(async () => {
  await provider.stop()
})

async function subjectToken(scope = 'openid orders:read', clientId = 'web'): Promise<string> {
  return (await provider.issueTokens('alice', { scope, clientId })).access_token as string
}

interface Exchanged {
  readonly status: number
  readonly body: TestJsonObject
}

/** Requests an exchange, as the first client unless `params` names another. */
async function ask(params: Record<string, string | undefined>): Promise<Exchanged> {
  const answer = await tokenRequest(provider, { grant_type: exchange, subject_token_type: accessTokenType, ...params })
  return { status: answer.status, body: answer.json() }
}

const refused = (error: string): object => ({ status: 400, body: { error } })

describe('a token exchange', () => {
  it('issues an access token for the requested API and scope, and nothing else', async () => {
    await start({ accessTokenSeconds: 60 })
    const { status, body } = await ask({
      subject_token: await subjectToken(),
      audience: 'orders',
      scope: 'orders:write openid',
      requested_token_type: accessTokenType,
    })
    expect(status).toBe(200)
    expect(body).toEqual({
      access_token: expect.any(String) as string,
      issued_token_type: accessTokenType,
      token_type: 'Bearer',
      expires_in: 60,
      scope: 'orders:write openid',
    })
    expect(decodeJwt(body.access_token as string)).toMatchObject({
      sub: 'alice',
      aud: 'orders',
      scope: 'orders:write openid',
      azp: 'web',
      realm_access: { roles: ['admin', 'user'] },
    })
  })

  it('issues no refresh token, even if refresh tokens rotate', async () => {
    await start({ refreshTokens: 'rotating' })
    expect((await ask({ subject_token: await subjectToken() })).body).not.toHaveProperty('refresh_token')
  })

  it('issues a token with the same scope and the default audience if none is requested', async () => {
    await start({ audience: 'usual' })
    const { body } = await ask({ subject_token: await subjectToken('openid email') })
    expect(body.scope).toBe('openid email')
    expect(decodeJwt(body.access_token as string).aud).toBe('usual')
  })

  it('accepts several audiences and resources', async () => {
    await start()
    const config = await discover(provider)
    expect(config.serverMetadata().grant_types_supported).toContain(exchange)
    const params = new URLSearchParams([
      ['subject_token', await subjectToken()],
      ['subject_token_type', accessTokenType],
      ['audience', 'orders'],
      ['audience', 'stock'],
      ['resource', 'https://mail.example'],
    ])
    const tokens = await genericGrantRequest(config, exchange, params)
    expect(decodeJwt(tokens.access_token).aud).toEqual(['orders', 'stock', 'https://mail.example'])
    expect(await fetchUserInfo(config, tokens.access_token, 'alice')).toMatchObject({ sub: 'alice' })
    expect(await tokenIntrospection(config, tokens.access_token)).toMatchObject({ active: true, client_id: 'web' })
  })
})

describe('the subject token of an exchange', () => {
  const clients = [
    { clientId: 'web', clientSecret: 's' },
    { clientId: 'orders', clientSecret: 's' },
    { clientId: 'other', clientSecret: 's' },
  ]

  it('accepts a token of another client if this client is in its audience', async () => {
    await start({ clients, audience: ['orders', 'account'] })
    const subject_token = await subjectToken()
    const { body } = await ask({ subject_token, client_id: 'orders', audience: 'stock' })
    expect(decodeJwt(body.access_token as string)).toMatchObject({ azp: 'orders', aud: 'stock', sub: 'alice' })
    expect(await ask({ subject_token, client_id: 'other' })).toMatchObject(refused('invalid_request'))
  })

  it('rejects a subject token that is not active', async () => {
    let now = Date.now()
    await start({ now: () => now })
    const config = await discover(provider)
    expect(await ask({ subject_token: 'unknown' })).toMatchObject(refused('invalid_request'))
    expect(await ask({})).toMatchObject(refused('invalid_request'))
    const revoked = await subjectToken()
    await tokenRevocation(config, revoked)
    expect(await ask({ subject_token: revoked })).toMatchObject(refused('invalid_request'))
    const expired = await subjectToken()
    now += 300_000
    expect(await ask({ subject_token: expired })).toMatchObject(refused('invalid_request'))
    const ended = await subjectToken()
    provider.endSession('alice')
    expect(await ask({ subject_token: ended })).toMatchObject(refused('invalid_request'))
  })

  it('the exchanged token becomes inactive when the login of the subject token is revoked', async () => {
    await start()
    const config = await discover(provider)
    const tokens = await provider.issueTokens('alice')
    const { body } = await ask({ subject_token: tokens.access_token as string })
    await tokenRevocation(config, tokens.refresh_token as string)
    expect(await tokenIntrospection(config, body.access_token as string)).toEqual({ active: false })
  })

  it('exchanges only access tokens for access tokens, without an actor token', async () => {
    await start()
    const tokens = await provider.issueTokens('alice')
    const subject_token = tokens.access_token as string
    const invalid = refused('invalid_request')
    expect(await ask({ subject_token, subject_token_type: undefined })).toMatchObject(invalid)
    expect(await ask({ subject_token, subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' })).toMatchObject(
      invalid,
    )
    expect(await ask({ subject_token: tokens.id_token as string })).toMatchObject(invalid)
    expect(await ask({ subject_token, actor_token: subject_token, actor_token_type: accessTokenType })).toMatchObject(
      invalid,
    )
    expect(
      await ask({ subject_token, requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }),
    ).toMatchObject(invalid)
  })
})

describe('an invalid token exchange', () => {
  it('rejects a target that is neither in the option resources nor a client', async () => {
    await start({ resources: ['https://orders.example', 'stock'] })
    const subject_token = await subjectToken()
    expect(await ask({ subject_token, resource: 'https://orders.example' })).toMatchObject({ status: 200 })
    expect(await ask({ subject_token, audience: 'stock' })).toMatchObject({ status: 200 })
    expect(await ask({ subject_token, audience: 'web' })).toMatchObject({ status: 200 })
    expect(await ask({ subject_token, audience: 'mail' })).toMatchObject(refused('invalid_target'))
    expect(await ask({ subject_token, resource: 'https://mail.example' })).toMatchObject(refused('invalid_target'))
    expect(await ask({ subject_token, resource: 'stock' })).toMatchObject(refused('invalid_target'))
  })

  it('rejects scope that does not exist or that the user does not grant', async () => {
    await start({ scopes: ['openid', 'orders:read', 'orders:write'] })
    const subject_token = await subjectToken()
    expect(await ask({ subject_token, scope: 'orders:write' })).toMatchObject({ status: 200 })
    expect(await ask({ subject_token, scope: 'orders:write mail:send' })).toMatchObject(refused('invalid_scope'))
    provider.grantOnly(['orders:read'])
    expect(await ask({ subject_token, scope: 'openid orders:read' })).toMatchObject({ status: 200 })
    expect(await ask({ subject_token, scope: 'orders:write' })).toMatchObject(refused('invalid_scope'))
  })

  it('rejects a public client by default, and a client with tokenExchange: false', async () => {
    await start({
      clients: [
        { clientId: 'web', clientSecret: 's', tokenExchange: false },
        { clientId: 'spa' },
        { clientId: 'app', tokenExchange: true },
      ],
    })
    const exchangeBy = async (clientId: string): Promise<Exchanged> => {
      const subject_token = await subjectToken('openid', clientId)
      return await ask({ subject_token, client_id: clientId, client_secret: provider.settings(clientId).clientSecret })
    }
    expect(await exchangeBy('web')).toMatchObject(refused('unauthorized_client'))
    expect(await exchangeBy('spa')).toMatchObject(refused('unauthorized_client'))
    expect(await exchangeBy('app')).toMatchObject({ status: 200 })
    expect(await ask({ client_secret: 'wrong' })).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  })
})

describe('faults of a token exchange', () => {
  it('a fault that names the grant type of the exchange applies only to exchanged tokens', async () => {
    await start()
    provider.misbehave({ accessToken: { grant: exchange, claims: { aud: 'another' }, times: 1 } })
    const subject_token = await subjectToken()
    expect(decodeJwt(subject_token).aud).toBe('account')
    const audience = async (): Promise<unknown> =>
      decodeJwt((await ask({ subject_token, audience: 'orders' })).body.access_token as string).aud
    expect(await audience()).toBe('another')
    expect(await audience()).toBe('orders')
    provider.misbehave({ tokenResponse: { issued_token_type: undefined } })
    expect((await ask({ subject_token })).body).not.toHaveProperty('issued_token_type')
  })

  it('misbehave() rejects an unknown grant type', async () => {
    await start()
    const wrong = { accessToken: { grant: 'token-exchange' } } as unknown as Parameters<TestProvider['misbehave']>[0]
    expect(() => provider.misbehave(wrong)).toThrow('accessToken.grant must be one of authorization_code')
  })
})
