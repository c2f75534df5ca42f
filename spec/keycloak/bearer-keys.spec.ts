/** Keys that a real Keycloak changes while an API runs: no restart, nobody turned away. */
import { randomUUID } from 'node:crypto'
import type { BearerOptions } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { addAudience, apiRealm, contentOf, type Api, type Client } from './api-realm.ts'

const realm = apiRealm('rotation of keys')

/** An API that counts how often it asks for keys, and a client for it. */
async function world(options: Partial<BearerOptions> = {}) {
  const client = await realm.client()
  await addAudience(realm, client)
  let fetches = 0
  const counting: typeof fetch = (input, init) => {
    if (new Request(input).url.endsWith('/protocol/openid-connect/certs')) fetches += 1
    return fetch(input, init)
  }
  const api = await realm.api({ fetch: counting, ...options })
  return { client, api, keyFetches: () => fetches }
}

async function signWith(algorithm: string): Promise<void> {
  await realm.admin('PUT', '', { defaultSignatureAlgorithm: algorithm })
}

/** A token of Bob, and the key that it was signed with. */
async function signed(client: Client): Promise<{ token: string; alg: string; kid: string }> {
  const { access } = await realm.tokens(client, 'bob')
  const { alg, kid } = contentOf(access).header as { alg: string; kid: string }
  return { token: access, alg, kid }
}

/** Makes a key that signs from now on; gives what takes its place in the administration API. */
async function addKey(providerId: string, config: Record<string, string[]>): Promise<object & { id: string }> {
  const { id: parentId } = (await realm.admin('GET', '')) as { id: string }
  const key = {
    id: randomUUID(),
    name: providerId,
    providerId,
    providerType: 'org.keycloak.keys.KeyProvider',
    parentId,
    config: { priority: [String(Date.now())], enabled: ['true'], active: ['true'], ...config },
  }
  await realm.admin('POST', '/components', key)
  return key
}

async function publishedKeys(): Promise<string[]> {
  const answer = await fetch(`${realm.issuer}/protocol/openid-connect/certs`)
  return ((await answer.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)
}

async function statuses(api: Api, tokens: readonly { token: string }[]): Promise<number[]> {
  const seen: number[] = []
  for (const { token } of tokens) seen.push((await api.call(token)).status)
  return seen
}

describe.skipIf(!realm.isThere)('a realm that goes over from RS256 to ES256', () => {
  it('has its tokens of before and after taken by an API that goes on running', async () => {
    const { client, api, keyFetches } = await world()
    await signWith('RS256')
    const before = await signed(client)
    expect(before.alg).toBe('RS256')
    expect(await statuses(api, [before])).toEqual([200])

    await signWith('ES256')
    const after = await signed(client)
    expect(after.alg).toBe('ES256')
    expect(await statuses(api, [after, before, after])).toEqual([200, 200, 200])
    expect(keyFetches()).toBe(2)
  })

  it('and then changes its key has those of both keys taken, until the former one is withdrawn', async () => {
    const { client, api, keyFetches } = await world()
    await signWith('ES256')
    const formerKey = await addKey('ecdsa-generated', { ecdsaEllipticCurveKey: ['P-256'] })
    const former = await signed(client)
    expect(await statuses(api, [former])).toEqual([200])

    await addKey('ecdsa-generated', { ecdsaEllipticCurveKey: ['P-256'] })
    const newer = await signed(client)
    expect([former.alg, newer.alg]).toEqual(['ES256', 'ES256'])
    expect(newer.kid).not.toBe(former.kid)
    expect(await statuses(api, [newer, former])).toEqual([200, 200])
    expect(await publishedKeys()).toEqual(expect.arrayContaining([former.kid, newer.kid]))
    expect(keyFetches()).toBe(2)

    await realm.admin('DELETE', `/components/${formerKey.id}`)
    await addKey('ecdsa-generated', { ecdsaEllipticCurveKey: ['P-256'] })
    const newest = await signed(client)
    expect(await publishedKeys()).not.toContain(former.kid)
    // The newest key has the set fetched anew, and what was remembered of the withdrawn one is dropped with it.
    expect(await statuses(api, [newest, newer, former])).toEqual([200, 200, 401])
    expect(api.events).toEqual([
      { name: 'token_rejected', detail: expect.stringContaining('ERR_JWKS_NO_MATCHING_KEY') as string },
    ])
  })
})

describe.skipIf(!realm.isThere)('a token that is signed by', () => {
  it.each(['RS512', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'])('%s is taken', async (algorithm) => {
    const { client, api } = await world()
    await signWith(algorithm)
    const made = await signed(client)
    expect(made.alg).toBe(algorithm)
    expect(await statuses(api, [made])).toEqual([200])
  })

  it('an algorithm that the API does not list is refused, whoever has signed it', async () => {
    const { client, api, keyFetches } = await world({ algorithms: ['ES256'] })
    await signWith('RS256')
    const rsa = await signed(client)
    await signWith('ES256')
    expect(await statuses(api, [rsa, await signed(client)])).toEqual([401, 200])
    expect(api.events).toEqual([
      { name: 'token_rejected', detail: expect.stringContaining('ERR_JOSE_ALG_NOT_ALLOWED') as string },
    ])
    expect(keyFetches()).toBe(1)
  })

  it('HS256, with a secret of Keycloak, is refused', async () => {
    const { client, api } = await world()
    await signWith('HS256')
    const made = await signed(client)
    await signWith('RS256')
    expect(made.alg).toBe('HS256')
    expect(await statuses(api, [made, await signed(client)])).toEqual([401, 200])
  })
})
