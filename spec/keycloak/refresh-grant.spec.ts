/** The parameters of a refresh at Keycloak (RFC 6749 6, RFC 8707), as the package relies on them. */
import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { apiRealm, getContent, type Client, type TokenAnswer } from './api-realm.ts'

const what = 'parameters of a refresh'

type Parameters = Record<string, string | readonly string[]>

/** The words of a scope, sorted because their order is irrelevant. */
function words(scope: unknown): string[] {
  return String(scope).split(' ').toSorted()
}

describe.each([
  ['reusable', {}],
  ['rotating', { revokeRefreshToken: true, refreshTokenMaxReuse: 0 }],
])('a realm with %s refresh tokens', (_, settings) => {
  const realm = apiRealm(what, settings)

  let client: Client

  beforeAll(async () => {
    if (!realm.isThere) return
    client = await realm.client()
    for (const name of ['orders.read', 'orders.write', 'hidden']) {
      const id = randomUUID()
      await realm.admin('POST', '/client-scopes', { id, name, protocol: 'openid-connect' })
      if (name !== 'hidden') await realm.admin('PUT', `/clients/${client.id}/optional-client-scopes/${id}`)
    }
  })

  /** The refresh token of a login with the scope `openid orders.read`. */
  async function login(): Promise<string> {
    return (await realm.tokens(client, 'alice', 'openid orders.read')).refresh
  }

  function refresh(token: unknown, more: Parameters = {}): Promise<TokenAnswer> {
    return realm.ask(client, { grant_type: 'refresh_token', refresh_token: String(token), ...more })
  }

  describe.skipIf(!realm.isThere)('a refresh with scope', () => {
    it.each([
      ['less scope than was granted', 'openid', ['email', 'openid', 'profile']],
      // The default scope of the client is always included.
      ['less scope, without openid', 'orders.read', ['email', 'orders.read', 'profile']],
      ['the same scope', 'openid orders.read', ['email', 'openid', 'orders.read', 'profile']],
      // RFC 6749 6 requires an error. Keycloak leaves out the scope that was not granted, as only the response shows.
      [
        'scope that exceeds the granted scope',
        'openid orders.read orders.write',
        ['email', 'openid', 'orders.read', 'profile'],
      ],
      ['other scope than was granted', 'openid orders.write', ['email', 'openid', 'profile']],
      ['offline_access after a login without it', 'openid offline_access', ['email', 'openid', 'profile']],
    ])(
      'a refresh with %s returns the effective scope, and the next one has the full scope again',
      async (_name, scope, granted) => {
        const first = await login()
        const narrowed = await refresh(first, { scope })
        expect(narrowed.status).toBe(200)
        expect(words(narrowed.body['scope'])).toEqual(granted)
        expect(words(getContent(String(narrowed.body['access_token'])).claims['scope'])).toEqual(granted)
        expect(narrowed.body).toHaveProperty('id_token')
        const next = await refresh(narrowed.body['refresh_token'])
        expect(next.status).toBe(200)
        expect(words(next.body['scope'])).toEqual(['email', 'openid', 'orders.read', 'profile'])
      },
    )
  })

  describe.skipIf(!realm.isThere)('a refresh that Keycloak rejects', () => {
    it.each([
      ['an unknown scope', { scope: 'openid nonesuch' }, 'invalid_scope', 'Invalid scopes: openid nonesuch'],
      [
        'a scope that the client may not have',
        { scope: 'openid hidden' },
        'invalid_scope',
        'Invalid scopes: openid hidden',
      ],
      ['an empty scope', { scope: '' }, 'invalid_scope', 'Invalid scopes: '],
      // RFC 8707 2 permits several.
      [
        'two resources',
        { resource: ['https://orders.example', 'https://billing.example'] },
        'invalid_request',
        'duplicated parameter',
      ],
    ])(
      'a refresh with %s is rejected, and the refresh token stays valid',
      async (_name, parameters: Parameters, error, description) => {
        const first = await login()
        expect(await refresh(first, parameters)).toEqual({
          status: 400,
          body: { error, error_description: description },
        })
        expect((await refresh(first)).status).toBe(200)
      },
    )
  })

  it.skipIf(!realm.isThere).each([
    ['resource', 'https://orders.example'],
    ['resource', 'no address'],
    ['audience', 'orders'],
  ])('a refresh ignores %s=%s', async (name, value) => {
    const first = await login()
    const plain = await refresh(first)
    const requested = await refresh(plain.body['refresh_token'], { [name]: value })
    const contents = [plain, requested].map(({ body }) => getContent(String(body['access_token'])).claims)
    expect(requested.status).toBe(200)
    expect(contents[1]?.['aud']).toEqual(contents[0]?.['aud'])
    expect(words(requested.body['scope'])).toEqual(words(plain.body['scope']))
  })
})
