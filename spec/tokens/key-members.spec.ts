/** Every member that is read of the provider's keys, missing and of every type; and keys of strange kinds in the set. */
import { oddKeys, type TestFaults } from 'express-session-oidc/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { OidcError } from '../../lib/core/errors.ts'
import { verifyIdToken } from '../../lib/tokens/id-token.ts'
import { Keys } from '../../lib/tokens/key-set.ts'
import { flow, rejection } from '../support/flow.ts'
import { bottomless, named, oddValues, parsed, withMember } from './support/odd-json.ts'

const world = flow({ algorithm: 'RS256' })
/** The key that signs, as JSON, and an ID token signed by it. */
let key: string
let token: string
beforeAll(async () => {
  const { provider } = world
  const now = Math.floor(Date.now() / 1000)
  key = JSON.stringify(provider.keys.keys[0])
  token = await provider.sign({ iss: provider.issuer, aud: 'web', sub: 'alice', nonce: 'n', iat: now, exp: now + 300 })
})

/** Whether a token is accepted with a set of these keys, then of later ones; what refuses it is an error of ours. */
async function isAccepted(keys: readonly string[], idToken = token, later = keys): Promise<boolean> {
  const sets = [keys, later].map((set): unknown => JSON.parse(`{"keys":[${set.join(',')}]}`))
  const { issuer } = world.provider
  const checks = { issuer, clientId: 'web', nonce: 'n', algorithms: ['RS256'], clockToleranceSeconds: 30 }
  const inMemory = new Keys(
    async () => (sets.length > 1 ? sets.shift() : sets[0]),
    () => {},
  )
  try {
    return (await verifyIdToken(idToken, inMemory, checks)).sub === 'alice'
  } catch (error) {
    expect(error).toBeInstanceOf(OidcError)
    expect(error).toMatchObject({ code: 'token_invalid', status: 502 })
    return false
  }
}

const usable: Readonly<Record<string, (value: unknown) => boolean>> = {
  kty: () => false,
  kid: () => false,
  use: (value) => value === undefined,
  alg: (value) => value === undefined,
  n: () => false,
  key_ops: (value) => value === undefined,
  ext: (value) => value === undefined || typeof value === 'boolean',
}

describe('a key of the provider', () => {
  it.each(Object.entries(usable))(
    'with any other value of %s verifies what it should, and no more',
    { meta: { id: 'key-members-1' } },
    async (member, accepts) => {
      for (const { name, json } of oddValues) {
        const isRight = accepts(parsed(json))
        expect({ name, is: await isAccepted([withMember(key, member, json)]) }).toEqual({ name, is: isRight })
      }
    },
  )

  it('published with its private half verifies nothing', async () => {
    expect(await isAccepted([withMember(key, 'd', '"AQAB"')])).toBe(false)
  })

  it('nested too deep to be copied is a fault of the provider', async () => {
    const set: unknown = JSON.parse(`{"keys":[${withMember(key, 'x5c', bottomless)}]}`)
    const keys = new Keys(
      async () => set,
      () => {},
    )
    expect((await rejection(keys.current())).code).toBe('provider_unavailable')
  })

  it('shorter than 2048 bits verifies nothing (RFC 7518 3.3)', { meta: { id: 'key-members-2' } }, async () => {
    expect(await isAccepted([withMember(key, 'n', '"AQAB"')])).toBe(false)
  })
})

describe('the key that fits', { meta: { id: 'key-members-3' } }, () => {
  it.each(named(oddValues))('is found among others in which all is %s', async (_name, json) => {
    const members = ['kty', 'kid', 'use', 'alg', 'e', 'key_ops', 'ext', 'crv', 'x', 'x5c', '__proto__']
    const others = members.flatMap((member) => {
      const other = withMember(key, member, json)
      // Under a name of its own, and under that of the right key.
      return member === 'kid' ? [other] : [withMember(other, 'kid', `"other-${member}"`), other]
    })
    expect(await isAccepted([...others.filter((other) => other !== key), json ?? '{}', key])).toBe(true)
  })

  const short = (name: string | undefined): string =>
    withMember(withMember(key, 'n', JSON.stringify(Buffer.alloc(128, 7).toString('base64url'))), 'kid', name)

  it('is found behind one of its name that is too short', async () => {
    expect(await isAccepted([short(JSON.stringify((JSON.parse(key) as { kid: string }).kid)), key])).toBe(true)
  })

  /** The token under a header that names no key. */
  async function nameless(): Promise<string> {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()) as never
    return world.provider.sign(claims, { kid: undefined })
  }
  const withoutName = (jwk: string): string => withMember(jwk, 'kid', undefined)

  it('is found behind one that is too short, where none has a name', async () => {
    expect(await isAccepted([withoutName(key)], await nameless())).toBe(true)
    expect(await isAccepted([short(undefined), withoutName(key)], await nameless())).toBe(true)
  })

  it('is fetched where none of those at hand fits, one of which is too short', async () => {
    const { n } = JSON.parse(key) as { n: string }
    const former = withMember(withoutName(key), 'n', JSON.stringify(`${n.slice(0, -8)}AAAAAAAB`))
    for (const at of [
      [former, short(undefined)],
      [short(undefined), former],
    ]) {
      expect(await isAccepted(at, await nameless(), [...at, withoutName(key)])).toBe(true)
    }
  })

  it('is found among several of its name', async () => {
    const { n } = JSON.parse(key) as { n: string }
    const other = withMember(key, 'n', JSON.stringify(`${n.slice(0, -8)}AAAAAAAB`))
    expect(await isAccepted([other, other, key])).toBe(true)
    expect(await isAccepted([other, other])).toBe(false)
  })
})

describe('a login', () => {
  const kinds = [
    { kty: 'OKP', crv: 'X25519', kid: 'x25519', x: 'AAAA' },
    { kty: 'OKP', crv: 'Ed448', kid: 'ed448', x: 'AAAA' },
    { kty: 'AKP', alg: 'ML-DSA-65', kid: 'lattice', pub: 'AAAA' },
    { kty: 'RSA', kid: 'private', n: 'AQAB', e: 'AQAB', d: 'AQAB' },
    { kty: 'RSA', kid: 'short', n: 'AQAB', e: 'AQAB' },
    { kty: 'EC', crv: 'P-256', kid: 'off-the-curve', x: 'AAAA', y: 'AAAA' },
  ]

  it.each<[string, TestFaults['jwks']]>([
    ['of all kinds that there are', async ({ keys }) => ({ keys: [...kinds, ...(await oddKeys()), ...keys] })],
    ['of no kind', ({ keys }) => ({ keys: [null, 5, 'text', [], {}, ...keys] as never })],
    ['that are nested without end', ({ keys }) => ({ keys: [{ kty: 'RSA', x5c: nested(200) as never }, ...keys] })],
  ])('asks userinfo too where the set has keys %s', { meta: { id: 'key-members-4' } }, async (_name, jwks) => {
    world.provider.misbehave({ jwks })
    const app = await world.start({ options: { userInfo: 'login' } })
    expect((await app.agent().get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
    expect(world.provider.requestsTo('userinfo')).toHaveLength(1)
  })
})

function nested(depth: number): unknown {
  return depth === 0 ? [] : [nested(depth - 1)]
}
