/** Every member that is read from the provider's keys, missing and of every type; and unusual kinds of keys in the set. */
import { oddKeys, type TestFaults } from 'express-session-oidc/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { OidcError } from '../../lib/core/errors.ts'
import { verifyIdToken } from '../../lib/tokens/id-token.ts'
import { Keys } from '../../lib/tokens/key-set.ts'
import { flow, catchRejection } from '../support/flow.ts'
import { bottomless, named, oddValues, parsed, withMember } from './support/odd-json.ts'

const world = flow({ algorithm: 'RS256' })
/** The signing key, as JSON, and an ID token signed with it. */
let key: string
let token: string
beforeAll(async () => {
  const { provider } = world
  const now = Math.floor(Date.now() / 1000)
  key = JSON.stringify(provider.keys.keys[0])
  token = await provider.sign({ iss: provider.issuer, aud: 'web', sub: 'alice', nonce: 'n', iat: now, exp: now + 300 })
})

/** Whether a token is accepted with these keys, or with `later` after another fetch. A rejection must be an `OidcError`. */
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
    'verifies a token with a key only if its member %s is valid',
    { meta: { id: 'key-members-1' } },
    async (member, accepts) => {
      for (const { name, json } of oddValues) {
        const isRight = accepts(parsed(json))
        expect({ name, is: await isAccepted([withMember(key, member, json)]) }).toEqual({ name, is: isRight })
      }
    },
  )

  it('does not use a key that is published with its private part', async () => {
    expect(await isAccepted([withMember(key, 'd', '"AQAB"')])).toBe(false)
  })

  it('throws provider_unavailable for a key that is too deeply nested to copy', async () => {
    const set: unknown = JSON.parse(`{"keys":[${withMember(key, 'x5c', bottomless)}]}`)
    const keys = new Keys(
      async () => set,
      () => {},
    )
    expect((await catchRejection(keys.current())).code).toBe('provider_unavailable')
  })

  it('does not use an RSA key shorter than 2048 bits (RFC 7518 3.3)', { meta: { id: 'key-members-2' } }, async () => {
    expect(await isAccepted([withMember(key, 'n', '"AQAB"')])).toBe(false)
  })
})

describe('the search for the key of a token', { meta: { id: 'key-members-3' } }, () => {
  it.each(named(oddValues))('finds the key among others with a member that is %s', async (_name, json) => {
    const members = ['kty', 'kid', 'use', 'alg', 'e', 'key_ops', 'ext', 'crv', 'x', 'x5c', '__proto__']
    const others = members.flatMap((member) => {
      const other = withMember(key, member, json)
      // With a kid of its own, and with the kid of the right key.
      return member === 'kid' ? [other] : [withMember(other, 'kid', `"other-${member}"`), other]
    })
    expect(await isAccepted([...others.filter((other) => other !== key), json ?? '{}', key])).toBe(true)
  })

  const short = (name: string | undefined): string =>
    withMember(withMember(key, 'n', JSON.stringify(Buffer.alloc(128, 7).toString('base64url'))), 'kid', name)

  it('finds the key after a key with the same kid that is too short', async () => {
    expect(await isAccepted([short(JSON.stringify((JSON.parse(key) as { kid: string }).kid)), key])).toBe(true)
  })

  /** The token with a header that has no kid. */
  async function nameless(): Promise<string> {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()) as never
    return world.provider.sign(claims, { kid: undefined })
  }
  const withoutName = (jwk: string): string => withMember(jwk, 'kid', undefined)

  it('finds the key after a key that is too short if no key has a kid', async () => {
    expect(await isAccepted([withoutName(key)], await nameless())).toBe(true)
    expect(await isAccepted([short(undefined), withoutName(key)], await nameless())).toBe(true)
  })

  it('fetches the keys again if no cached key fits and one of them is too short', async () => {
    const { n } = JSON.parse(key) as { n: string }
    const former = withMember(withoutName(key), 'n', JSON.stringify(`${n.slice(0, -8)}AAAAAAAB`))
    for (const at of [
      [former, short(undefined)],
      [short(undefined), former],
    ]) {
      expect(await isAccepted(at, await nameless(), [...at, withoutName(key)])).toBe(true)
    }
  })

  it('finds the key among several with the same kid', async () => {
    const { n } = JSON.parse(key) as { n: string }
    const other = withMember(key, 'n', JSON.stringify(`${n.slice(0, -8)}AAAAAAAB`))
    expect(await isAccepted([other, other, key])).toBe(true)
    expect(await isAccepted([other, other])).toBe(false)
  })
})

describe('a login with unusual keys in the key set', () => {
  const kinds = [
    { kty: 'OKP', crv: 'X25519', kid: 'x25519', x: 'AAAA' },
    { kty: 'OKP', crv: 'Ed448', kid: 'ed448', x: 'AAAA' },
    { kty: 'AKP', alg: 'ML-DSA-65', kid: 'lattice', pub: 'AAAA' },
    { kty: 'RSA', kid: 'private', n: 'AQAB', e: 'AQAB', d: 'AQAB' },
    { kty: 'RSA', kid: 'short', n: 'AQAB', e: 'AQAB' },
    { kty: 'EC', crv: 'P-256', kid: 'off-the-curve', x: 'AAAA', y: 'AAAA' },
  ]

  it.each<[string, TestFaults['jwks']]>([
    ['keys of all kinds', async ({ keys }) => ({ keys: [...kinds, ...(await oddKeys()), ...keys] })],
    ['invalid keys', ({ keys }) => ({ keys: [null, 5, 'text', [], {}, ...keys] as never })],
    ['a deeply nested key', ({ keys }) => ({ keys: [{ kty: 'RSA', x5c: nested(200) as never }, ...keys] })],
  ])(
    'logs in and requests userinfo if the key set also has %s',
    { meta: { id: 'key-members-4' } },
    async (_name, jwks) => {
      world.provider.misbehave({ jwks })
      const app = await world.start({ options: { userInfo: true } })
      expect((await app.agent().get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
      expect(world.provider.requestsTo('userinfo')).toHaveLength(1)
    },
  )
})

function nested(depth: number): unknown {
  return depth === 0 ? [] : [nested(depth - 1)]
}
