import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterEach, describe, expect, it } from 'vitest'
import {
  createUserAgent,
  oddKeys,
  startTestProvider,
  type TestProvider,
  type TestProviderOptions,
} from '../../lib/testing.ts'
import { type RelyingParty, startRelyingParty } from './support/relying-party.ts'

let provider: TestProvider
let app: RelyingParty

async function start(options?: TestProviderOptions): Promise<void> {
  provider = await startTestProvider({ algorithm: 'ES256', signIn: 'alice', ...options })
  app = await startRelyingParty(provider)
}

async function logIn(): Promise<Record<string, unknown>> {
  return (await createUserAgent().get(`${app.url}/login`)).json()
}

/** Logs in at a new relying party, which has no keys in its cache. */
async function logInAfresh(): Promise<Record<string, unknown>> {
  await app.stop()
  app = await startRelyingParty(provider)
  return await logIn()
}

const loggedIn = { claims: { sub: 'alice' } }

afterEach(async () => {
  await app.stop()
  await provider.stop()
})

describe('a key rotation', () => {
  it('removes the previous key from the key set unless keepOld is set', async () => {
    await start()
    const [first] = provider.keys.keys
    const token = await provider.sign({ sub: 'x' })
    await provider.rotateKeys({ keepOld: true })
    expect(provider.keys.keys).toHaveLength(2)
    expect(provider.keys.keys[1]).toEqual(first)
    await expect(jwtVerify(token, createLocalJWKSet({ keys: [...provider.keys.keys] }))).resolves.toBeDefined()
    await provider.rotateKeys()
    expect(provider.keys.keys).toHaveLength(1)
    await expect(jwtVerify(token, createLocalJWKSet({ keys: [...provider.keys.keys] }))).rejects.toMatchObject({
      code: 'ERR_JWKS_NO_MATCHING_KEY',
    })
    expect(await logIn()).toMatchObject(loggedIn)
  })

  it('a rotation just before signing the ID token makes a client with cached keys fail', async () => {
    await start()
    await logIn()
    provider.misbehave({ rotateKeys: 'before-signing' })
    const before = provider.keys.keys[0]?.kid
    // openid-client does not fetch keys again within a minute.
    expect(await logIn()).toMatchObject({ code: 'OAUTH_KEY_SELECTION_FAILED' })
    expect(provider.keys.keys[0]?.kid).not.toBe(before)
    expect(provider.keys.keys).toHaveLength(1)
    expect(await logInAfresh()).toMatchObject(loggedIn)
  })

  it('a rotation just after signing makes only a client without cached keys fail, unless keepOld is set', async () => {
    await start()
    await logIn()
    provider.misbehave({ rotateKeys: 'after-signing' })
    expect(await logIn()).toMatchObject(loggedIn)
    expect(await logInAfresh()).not.toHaveProperty('claims')
    provider.behave()
    provider.misbehave({ rotateKeys: { when: 'after-signing', keepOld: true } })
    expect(await logInAfresh()).toMatchObject(loggedIn)
  })

  it('changes the algorithm and the kid', async () => {
    await start()
    await provider.rotateKeys({ algorithm: 'EdDSA', kid: 'by/hand' })
    expect(await logIn()).toMatchObject(loggedIn)
    expect(decodeProtectedHeader(app.tokens().id_token ?? '')).toEqual({ alg: 'EdDSA', kid: 'by/hand', typ: 'JWT' })
    expect(provider.keys.keys).toMatchObject([{ kid: 'by/hand', alg: 'EdDSA', use: 'sig' }])
  })
})

describe('the key set', () => {
  it('the key set may have one or several keys without a kid', async () => {
    await start()
    await provider.rotateKeys({ kid: null })
    expect(await logIn()).toMatchObject(loggedIn)
    expect(decodeProtectedHeader(app.tokens().id_token ?? '')).toEqual({ alg: 'ES256', typ: 'JWT' })
    await provider.rotateKeys({ kid: null, keepOld: true })
    expect(provider.keys.keys.map(({ kid }) => kid)).toEqual([undefined, undefined])
    const token = await provider.sign({})
    await expect(jwtVerify(token, createLocalJWKSet({ keys: [...provider.keys.keys] }))).rejects.toMatchObject({
      code: 'ERR_JWKS_MULTIPLE_MATCHING_KEYS',
    })
  })

  it('the key set may contain the keys of oddKeys(), which a client skips', async () => {
    await start()
    const odd = await oddKeys()
    expect(odd.map(({ kty }) => kty)).toEqual(['EC', 'EC', 'OKP', 'RSA', 'oct', 'LATTICE'])
    provider.misbehave({ jwks: ({ keys }) => ({ keys: [...odd, ...keys] }) })
    expect(await logIn()).toMatchObject(loggedIn)
  })

  it('the key set may be invalid, which makes a client fail', async () => {
    await start()
    provider.misbehave({ jwks: { keys: undefined } })
    expect(await logIn()).not.toHaveProperty('claims')
  })
})

it('rotateKeys() rejects invalid options', async () => {
  await start()
  await expect(provider.rotateKeys({ algorithm: 'none' })).rejects.toThrow('rotateKeys.algorithm must be one of')
  await expect(provider.rotateKeys({ kid: 7 as unknown as string })).rejects.toThrow('rotateKeys.kid')
  await expect(provider.rotateKeys({ keepOld: 'yes' as unknown as boolean })).rejects.toThrow('rotateKeys.keepOld')
  await expect(provider.rotateKeys({ keep: true } as object)).rejects.toThrow('"keep" is not a member of')
})
