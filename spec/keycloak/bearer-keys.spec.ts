/** Keys that a real Keycloak changes while an API runs, which needs no restart and rejects no valid token. */
import { randomUUID } from 'node:crypto'
import type { BearerOptions } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { addAudience, apiRealm, getContent, type Api, type Client } from './api-realm.ts'

const realm = apiRealm('rotation of keys')

/** An API that counts how often it fetches keys, and a client for it. */
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

/** A token of Bob, with the algorithm and the identifier of its key. */
async function signed(client: Client): Promise<{ token: string; alg: string; kid: string }> {
  const { access } = await realm.tokens(client, 'bob')
  const { alg, kid } = getContent(access).header as { alg: string; kid: string }
  return { token: access, alg, kid }
}

/** Adds a key that signs from now on. Resolves to its representation in the administration API. */
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

describe.skipIf(!realm.isThere)('a realm that changes from RS256 to ES256', () => {
  it('a running API accepts tokens from before and after the change', async () => {
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

  it('a running API accepts tokens of the former and the new key until the former is withdrawn', async () => {
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
    // The newest key causes a new fetch of the key set, which drops the cached tokens of the withdrawn key.
    expect(await statuses(api, [newest, newer, former])).toEqual([200, 200, 401])
    expect(api.events).toEqual([
      { name: 'token_rejected', detail: expect.stringContaining('ERR_JWKS_NO_MATCHING_KEY') as string },
    ])
  })
})

describe.skipIf(!realm.isThere)('a token and its signature algorithm', () => {
  it.each(['RS512', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'])(
    'a token signed with %s is accepted',
    async (algorithm) => {
      const { client, api } = await world()
      await signWith(algorithm)
      const made = await signed(client)
      expect(made.alg).toBe(algorithm)
      expect(await statuses(api, [made])).toEqual([200])
    },
  )

  it('a token with an algorithm that the API does not list is rejected, even if Keycloak signed it', async () => {
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

  it('a token signed with HS256 and a secret of Keycloak is rejected', async () => {
    const { client, api } = await world()
    await signWith('HS256')
    const made = await signed(client)
    await signWith('RS256')
    expect(made.alg).toBe('HS256')
    expect(await statuses(api, [made, await signed(client)])).toEqual([401, 200])
  })
})
