/** Tokens that are bound to a key of the client (DPoP, RFC 9449). */
import { decodeJwt, exportJWK, generateKeyPair } from 'jose'
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildAuthorizationUrlWithPAR,
  type Configuration,
  type DPoPHandle,
  fetchUserInfo,
  genericGrantRequest,
  getDPoPHandle,
  randomDPoPKeyPair,
  refreshTokenGrant,
  tokenIntrospection,
} from 'openid-client'
import { afterEach, describe, expect, it } from 'vitest'
import {
  createUserAgent,
  startTestProvider,
  type TestProvider,
  type TestProviderOptions,
  type UserAgentResponse,
} from '../../lib/testing.ts'
import { type DpopClient, dpopClient, type ProofParts } from '../support/dpop.ts'
import { authorize, callback, challenge, post, tokenRequest, verifier } from './support/raw.ts'
import { discover } from './support/relying-party.ts'

let provider: TestProvider

async function start(options?: TestProviderOptions): Promise<void> {
  provider = await startTestProvider({ algorithm: 'ES256', signIn: 'alice', ...options })
}

const confidential = [{ clientId: 'web', clientSecret: 'web-secret' }]
const publicClient = [{ clientId: 'spa' }]

afterEach(async () => {
  await provider.stop()
})

interface Handle {
  readonly config: Configuration
  readonly handle: DPoPHandle
  readonly jkt: string
}

async function newHandle(algorithm = 'ES256'): Promise<Handle> {
  const config = await discover(provider)
  const handle = getDPoPHandle(config, await randomDPoPKeyPair(algorithm))
  return { config, handle, jkt: await handle.calculateThumbprint() }
}

type Tokens = Awaited<ReturnType<typeof authorizationCodeGrant>>

/** Logs in with openid-client, with or without a proof when the code is redeemed. */
async function logInWith(
  { config, handle }: Handle,
  params: Record<string, string> = {},
  proves = true,
): Promise<Tokens> {
  const request = { redirect_uri: callback, scope: 'openid', code_challenge: challenge, code_challenge_method: 'S256' }
  const url = buildAuthorizationUrl(config, { ...request, ...params })
  return await redeem(config, url, proves ? handle : undefined)
}

async function redeem(config: Configuration, url: URL, handle: DPoPHandle | undefined): Promise<Tokens> {
  const response = await createUserAgent().get(url.href, { redirect: 'manual' })
  const back = new URL(response.headers.get('location') ?? '')
  const checks = { pkceCodeVerifier: verifier, idTokenExpected: true }
  return await authorizationCodeGrant(config, back, checks, {}, handle ? { DPoP: handle } : {})
}

describe('a client that sends a DPoP proof', () => {
  it.each(['ES256', 'PS256', 'Ed25519'])('the provider binds tokens to the %s key of a proof', async (algorithm) => {
    await start({ clients: confidential })
    const client = await newHandle(algorithm)
    const { config, handle, jkt } = client
    expect(config.serverMetadata().dpop_signing_alg_values_supported).toContain(algorithm)
    const tokens = await logInWith(client)
    // openid-client changes it to lower case.
    expect(tokens.token_type).toBe('dpop')
    expect(decodeJwt(tokens.access_token)).toMatchObject({ cnf: { jkt } })
    expect(await tokenIntrospection(config, tokens.access_token)).toMatchObject({ token_type: 'DPoP', cnf: { jkt } })
    expect(await fetchUserInfo(config, tokens.access_token, 'alice', { DPoP: handle })).toMatchObject({ sub: 'alice' })
  })

  it('the provider spells the token type as registered, DPoP', async () => {
    await start()
    const client = await dpopClient()
    const { code } = await authorize(provider)
    const answer = await prove(client, '/token', { grant_type: 'authorization_code', code, redirect_uri: callback })
    expect(answer.json()).toMatchObject({ token_type: 'DPoP' })
  })

  it('the provider issues Bearer tokens to a client without a proof', async () => {
    await start()
    const client = await newHandle()
    const tokens = await logInWith(client, {}, false)
    expect(tokens.token_type).toBe('bearer')
    expect(decodeJwt(tokens.access_token)).not.toHaveProperty('cnf')
    expect(await tokenIntrospection(client.config, tokens.access_token)).toMatchObject({ token_type: 'Bearer' })
  })

  it('a confidential client may change or omit the key at each refresh', async () => {
    await start({ clients: confidential, refreshTokens: 'rotating' })
    const first = await newHandle()
    const second = await newHandle()
    const tokens = await logInWith(first)
    const other = await refreshTokenGrant(first.config, tokens.refresh_token ?? '', {}, { DPoP: second.handle })
    expect(decodeJwt(other.access_token)).toMatchObject({ cnf: { jkt: second.jkt } })
    const none = await refreshTokenGrant(first.config, other.refresh_token ?? '')
    expect(none.token_type).toBe('bearer')
  })

  it.each(['static', 'rotating'] as const)(
    'a public client must prove the same key at each refresh, with %s refresh tokens',
    async (refreshTokens) => {
      await start({ clients: publicClient, refreshTokens })
      const client = await newHandle()
      const other = await newHandle()
      const { config, handle, jkt } = client
      const tokens = await logInWith(client)
      let token = tokens.refresh_token ?? ''
      for (let round = 0; round < 2; round++) {
        await expect(refreshTokenGrant(config, token)).rejects.toMatchObject({ error: 'invalid_grant' })
        await expect(refreshTokenGrant(config, token, {}, { DPoP: other.handle })).rejects.toMatchObject({
          error: 'invalid_grant',
        })
        const refreshed = await refreshTokenGrant(config, token, {}, { DPoP: handle })
        expect(decodeJwt(refreshed.access_token)).toMatchObject({ cnf: { jkt } })
        token = refreshed.refresh_token ?? token
      }
    },
  )

  it('a token exchange issues a bound token, and requires the key of a bound subject token', async () => {
    await start()
    const client = await newHandle()
    const { config, handle, jkt } = client
    const exchange = async (subject: string, by?: DPoPHandle): Promise<{ readonly access_token: string }> =>
      await genericGrantRequest(
        config,
        'urn:ietf:params:oauth:grant-type:token-exchange',
        { subject_token: subject, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' },
        by ? { DPoP: by } : {},
      )
    const { access_token: bound } = await logInWith(client)
    expect(decodeJwt((await exchange(bound, handle)).access_token)).toMatchObject({ cnf: { jkt } })
    await expect(exchange(bound)).rejects.toMatchObject({ error: 'invalid_request' })
    await expect(exchange(bound, (await newHandle()).handle)).rejects.toMatchObject({ error: 'invalid_request' })
    const { access_token: unbound } = await logInWith(client, {}, false)
    expect(decodeJwt((await exchange(unbound, handle)).access_token)).toMatchObject({ cnf: { jkt } })
  })
})

describe('an authorization code that is bound to a key', () => {
  it('a code with dpop_jkt is redeemed only with a proof of that key', async () => {
    await start()
    const client = await newHandle()
    const { jkt } = client
    expect((await logInWith(client, { dpop_jkt: jkt })).token_type).toBe('dpop')
    const invalid = { error: 'invalid_grant' }
    await expect(logInWith(client, { dpop_jkt: jkt }, false)).rejects.toMatchObject(invalid)
    await expect(logInWith(await newHandle(), { dpop_jkt: jkt })).rejects.toMatchObject(invalid)
    expect(await authorize(provider, { dpop_jkt: 'short' })).toMatchObject({ error: 'invalid_request' })
  })

  it('the code of a pushed request with a proof is redeemed only with a proof of the same key', async () => {
    await start()
    const { config, handle } = await newHandle()
    const params = { redirect_uri: callback, scope: 'openid', code_challenge: challenge, code_challenge_method: 'S256' }
    const push = async (): Promise<URL> => await buildAuthorizationUrlWithPAR(config, params, { DPoP: handle })
    expect(provider.requestsTo('par')).toEqual([])
    expect((await redeem(config, await push(), handle)).token_type).toBe('dpop')
    expect(provider.requestsTo('par')[0]?.headers).toHaveProperty('dpop')
    await expect(redeem(config, await push(), undefined)).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  it('the provider rejects a pushed request whose dpop_jkt is not the key of its proof', async () => {
    await start()
    const client = await dpopClient()
    const push = async (dpop_jkt: string): Promise<number> =>
      (await prove(client, '/par', { response_type: 'code', redirect_uri: callback, scope: 'openid', dpop_jkt })).status
    expect(await push(client.thumbprint)).toBe(201)
    expect(await push((await dpopClient()).thumbprint)).toBe(400)
  })
})

/** Posts a form with a proof, which is valid unless `proof` changes it. */
async function prove(
  client: DpopClient,
  path: string,
  params: Record<string, string | undefined>,
  proof: Partial<ProofParts> = {},
): Promise<UserAgentResponse> {
  const claims = { ath: undefined, ...proof.claims }
  const whole = { url: provider.issuer + path, method: 'POST', token: '', ...proof, claims }
  return await post(provider, path, params, { dpop: await client.proof(whole) })
}

describe('a DPoP proof', () => {
  /** The error, or the token type, of a refresh with the proof. */
  async function refresh(client: DpopClient, proof: Partial<ProofParts> = {}): Promise<unknown> {
    const { refresh_token } = await provider.issueTokens('alice')
    const params = { grant_type: 'refresh_token', refresh_token: refresh_token as string }
    const answer = await prove(client, '/token', params, proof)
    return answer.json().error ?? answer.json().token_type
  }

  it.each<[string, (now: number) => Partial<ProofParts> | Promise<Partial<ProofParts>>]>([
    ['with another typ', () => ({ header: { typ: 'JWT' } })],
    ['without a typ', () => ({ header: { typ: undefined } })],
    ['without a key', () => ({ header: { jwk: undefined } })],
    ['signed by another key', async () => ({ key: (await generateKeyPair('ES256')).privateKey })],
    [
      'with a private key',
      async () => {
        const { privateKey } = await generateKeyPair('ES256', { extractable: true })
        return { header: { jwk: await exportJWK(privateKey) }, key: privateKey }
      },
    ],
    ['without a jti', () => ({ claims: { jti: undefined } })],
    ['with an empty jti', () => ({ claims: { jti: '' } })],
    ['for another method', () => ({ method: 'GET' })],
    ['for another URL', () => ({ url: `${provider.issuer}/userinfo` })],
    ['for the URL of another origin', () => ({ url: 'http://127.0.0.1:9/token' })],
    ['for a URL with a query', () => ({ url: `${provider.issuer}/token?x=1` })],
    ['without a URL', () => ({ claims: { htu: undefined } })],
    ['without an iat', () => ({ claims: { iat: undefined } })],
    ['with an iat that is not a number', () => ({ claims: { iat: 'now' } })],
    ['issued more than a minute ago', (now) => ({ claims: { iat: now - 62 } })],
    ['issued more than a minute in the future', (now) => ({ claims: { iat: now + 62 } })],
    ['that has expired', (now) => ({ claims: { exp: now - 1 } })],
  ])('the provider rejects a proof %s', async (_name, change) => {
    const now = Math.floor(Date.now() / 1000)
    await start({ now: () => now * 1000 })
    const client = await dpopClient()
    const proof = await change(now)
    expect(await refresh(client, { ...proof, claims: { iat: now, ...proof.claims } })).toBe('invalid_dpop_proof')
    expect(await refresh(client, { claims: { iat: now } })).toBe('DPoP')
  })

  it('the provider rejects a proof signed with a secret, a text that is not a JWT, and two proofs', async () => {
    await start()
    const client = await dpopClient()
    const { refresh_token } = await provider.issueTokens('alice')
    const params = { grant_type: 'refresh_token', refresh_token: refresh_token as string }
    const proof = await client.proof({ url: `${provider.issuer}/token`, method: 'POST', token: '' })
    const [, payload = ''] = proof.split('.')
    const header = Buffer.from(
      JSON.stringify({ typ: 'dpop+jwt', alg: 'HS256', jwk: { kty: 'oct', k: 'eA' } }),
    ).toString('base64url')
    for (const dpop of [`${header}.${payload}.eA`, 'proof', '', `${proof}, ${proof}`]) {
      const answer = await tokenRequest(provider, params, { dpop })
      expect([answer.status, answer.json().error]).toEqual([400, 'invalid_dpop_proof'])
    }
    expect((await tokenRequest(provider, params, { dpop: proof })).status).toBe(200)
  })

  it('a proof is accepted once, within a minute of its iat', async () => {
    let now = Math.floor(Date.now() / 1000)
    await start({ now: () => now * 1000 })
    const client = await dpopClient()
    const proof = { claims: { iat: now, jti: 'one' } }
    now += 60
    expect(await refresh(client, proof)).toBe('DPoP')
    expect(await refresh(client, proof)).toBe('invalid_dpop_proof')
    expect(await refresh(await dpopClient(), proof)).toBe('DPoP')
  })

  it('a rejected proof uses up neither the code nor the refresh token', async () => {
    await start({ refreshTokens: 'rotating' })
    const client = await dpopClient()
    const { code } = await authorize(provider)
    const params = { grant_type: 'authorization_code', code, redirect_uri: callback }
    expect((await prove(client, '/token', params, { method: 'GET' })).status).toBe(400)
    const tokens = (await prove(client, '/token', params)).json()
    const refreshing = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token as string }
    expect((await prove(client, '/token', refreshing, { method: 'GET' })).status).toBe(400)
    expect((await prove(client, '/token', refreshing)).status).toBe(200)
  })

  it('the provider validates the proof of a pushed authorization request too', async () => {
    await start()
    const client = await dpopClient()
    const params = { response_type: 'code', redirect_uri: callback, scope: 'openid' }
    const answer = await prove(client, '/par', params, { url: `${provider.issuer}/token` })
    expect(answer.json()).toMatchObject({ error: 'invalid_dpop_proof' })
  })

  it('a provider without DPoP ignores proofs and dpop_jkt', async () => {
    await start({ dpop: 'none' })
    const client = await newHandle()
    expect(client.config.serverMetadata()).not.toHaveProperty('dpop_signing_alg_values_supported')
    const { code } = await authorize(provider, { dpop_jkt: client.jkt })
    const params = { grant_type: 'authorization_code', code, redirect_uri: callback }
    const answer = await prove(await dpopClient(), '/token', params, { method: 'GET' })
    expect(answer.json()).toMatchObject({ token_type: 'Bearer' })
    const info = await createUserAgent().fetch(`${provider.issuer}/userinfo`)
    expect(info.headers.get('www-authenticate')).toBe('Bearer')
  })
})

describe('the userinfo endpoint with DPoP', () => {
  async function ask(scheme: string, token: string, dpop?: string): Promise<[number, string]> {
    const headers = { authorization: `${scheme} ${token}`, ...(dpop === undefined ? {} : { dpop }) }
    const answer = await createUserAgent().fetch(`${provider.issuer}/userinfo`, { headers })
    return [answer.status, answer.headers.get('www-authenticate') ?? '']
  }

  async function boundToken(client: DpopClient, scope = 'openid'): Promise<string> {
    const { code } = await authorize(provider, { scope })
    const params = { grant_type: 'authorization_code', code, redirect_uri: callback }
    return (await prove(client, '/token', params)).json().access_token as string
  }

  it('requires a proof of the key of a bound token', async () => {
    await start()
    const client = await dpopClient()
    const token = await boundToken(client)
    const url = `${provider.issuer}/userinfo`
    const good = { url, token }
    expect(await ask('DPoP', token, await client.proof(good))).toEqual([200, ''])
    expect(await ask('dpop', token, await client.proof(good))).toEqual([200, ''])
    const refused = (error: string): unknown[] => [
      401,
      expect.stringMatching(new RegExp(`^DPoP error="${error}", error_description="[^"]+", algs="ES256 [^"]+"$`)),
    ]
    expect(await ask('Bearer', token)).toEqual(refused('invalid_token'))
    expect(await ask('Bearer', token, await client.proof(good))).toEqual(refused('invalid_token'))
    expect(await ask('DPoP', token)).toEqual(refused('invalid_dpop_proof'))
    const proofs: [string, Partial<ProofParts>][] = [
      ['invalid_dpop_proof', { token: 'another' }],
      ['invalid_dpop_proof', { claims: { ath: undefined } }],
      ['invalid_dpop_proof', { method: 'POST' }],
    ]
    for (const [error, change] of proofs) {
      expect(await ask('DPoP', token, await client.proof({ ...good, ...change }))).toEqual(refused(error))
    }
    const other = await (await dpopClient()).proof(good)
    expect(await ask('DPoP', token, other)).toEqual(refused('invalid_token'))
    const replayed = await client.proof(good)
    expect(await ask('DPoP', token, replayed)).toEqual([200, ''])
    expect(await ask('DPoP', token, replayed)).toEqual(refused('invalid_dpop_proof'))
    expect(await ask('DPoP', 'unknown', await client.proof(good))).toEqual(refused('invalid_token'))
  })

  it('rejects an unbound token in the DPoP scheme', async () => {
    await start()
    const client = await dpopClient()
    const token = (await provider.issueTokens('alice')).access_token as string
    const proof = await client.proof({ url: `${provider.issuer}/userinfo`, token })
    expect((await ask('DPoP', token, proof))[1]).toContain('DPoP error="invalid_token"')
    expect(await ask('Bearer', token, proof)).toEqual([200, ''])
  })

  it('names the missing scope in a challenge of the scheme that the request used', async () => {
    await start()
    const client = await dpopClient()
    const token = await boundToken(client, 'orders:read')
    const proof = await client.proof({ url: `${provider.issuer}/userinfo`, token })
    const [status, header] = await ask('DPoP', token, proof)
    expect(status).toBe(403)
    expect(header).toMatch(/^DPoP error="insufficient_scope", .*scope="openid", algs=/)
  })
})

describe('DPoP nonces', () => {
  function statuses(endpoint: 'token' | 'userinfo' | 'par'): unknown[] {
    return provider.requestsTo(endpoint).map(({ status }) => status)
  }

  it('the provider requests a nonce with one error, after which the client sends it to every endpoint', async () => {
    await start({ dpopNonces: 'required' })
    const client = await newHandle()
    const { config, handle } = client
    const tokens = await logInWith(client)
    expect(statuses('token')).toEqual([400, 200])
    await refreshTokenGrant(config, tokens.refresh_token ?? '', {}, { DPoP: handle })
    await fetchUserInfo(config, tokens.access_token, 'alice', { DPoP: handle })
    expect(statuses('token')).toEqual([400, 200, 200])
    expect(statuses('userinfo')).toEqual([200])
  })

  it('the provider requires a nonce at userinfo and for pushed requests as well', async () => {
    await start({ dpopNonces: 'required' })
    const { config, handle } = await newHandle()
    const params = { redirect_uri: callback, scope: 'openid', code_challenge: challenge, code_challenge_method: 'S256' }
    const tokens = await redeem(config, await buildAuthorizationUrlWithPAR(config, params, { DPoP: handle }), handle)
    expect(statuses('par')).toEqual([400, 201])
    expect(statuses('token')).toEqual([200])
    provider.rotateDpopNonce()
    await fetchUserInfo(config, tokens.access_token, 'alice', { DPoP: handle })
    expect(statuses('userinfo')).toEqual([401, 200])
  })

  it('the provider rejects a nonce after a rotation, and returns the latest one', async () => {
    await start({ dpopNonces: 'required' })
    const client = await newHandle()
    const tokens = await logInWith(client)
    const refresh = (): Promise<unknown> =>
      refreshTokenGrant(client.config, tokens.refresh_token ?? '', {}, { DPoP: client.handle })
    provider.forget()
    provider.rotateDpopNonce()
    await refresh()
    expect(statuses('token')).toEqual([400, 200])
  })

  it('the provider returns the latest nonce with a successful response while the previous one is valid', async () => {
    await start({ dpopNonces: 'required' })
    const client = await dpopClient()
    const { refresh_token } = await provider.issueTokens('alice')
    const params = { grant_type: 'refresh_token', refresh_token: refresh_token as string }
    const ask = async (nonce?: string): Promise<[number, string | null]> => {
      const answer = await prove(client, '/token', params, { claims: { nonce } })
      return [answer.status, answer.headers.get('dpop-nonce')]
    }
    const [status, first] = await ask()
    expect(status).toBe(400)
    expect(first).toMatch(/^[\w-]{22}$/)
    expect(await ask('made up')).toEqual([400, first])
    expect(await ask(first ?? '')).toEqual([200, null])
    provider.rotateDpopNonce({ keepOld: true })
    const [again, second] = await ask(first ?? '')
    expect(again).toBe(200)
    expect(second).not.toBe(first)
    expect(await ask(second ?? '')).toEqual([200, null])
    provider.rotateDpopNonce({ keepOld: true })
    expect((await ask(second ?? ''))[0]).toBe(200)
    expect((await ask(first ?? ''))[0]).toBe(400)
  })

  it('the provider requires no nonce from a client without a proof', async () => {
    await start({ dpopNonces: 'required' })
    const { refresh_token } = await provider.issueTokens('alice')
    const answer = await tokenRequest(provider, {
      grant_type: 'refresh_token',
      refresh_token: refresh_token as string,
    })
    expect([answer.status, answer.headers.get('dpop-nonce')]).toEqual([200, null])
  })

  it('the provider returns the latest nonce with unrelated errors too', async () => {
    await start({ dpopNonces: 'required' })
    const client = await dpopClient()
    const params = { grant_type: 'refresh_token', refresh_token: 'unknown' }
    const nonce = (await prove(client, '/token', params)).headers.get('dpop-nonce')
    provider.rotateDpopNonce({ keepOld: true })
    const answer = await prove(client, '/token', params, { claims: { nonce } })
    expect(answer.json()).toMatchObject({ error: 'invalid_grant' })
    expect(answer.headers.get('dpop-nonce')).not.toBe(nonce)
  })

  it('rotateDpopNonce() throws if the provider requires no nonces', async () => {
    await start()
    expect(() => provider.rotateDpopNonce()).toThrow("dpopNonces is 'none'")
  })
})
