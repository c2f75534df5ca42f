import { startTestProvider, type TestClient, type TestProvider } from 'express-session-oidc/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { startApp, type AppSetup, type TestApp } from '../support/app.ts'
import { listEvents } from '../support/flow.ts'

let provider: TestProvider
let app: TestApp

afterEach(async () => {
  await app.stop()
  await provider.stop()
})

async function logIn(client: TestClient, options: AppSetup['options'] = {}): Promise<number> {
  provider = await startTestProvider({ signIn: 'alice', algorithm: 'ES256', clients: [client] })
  app = await startApp({ provider, options })
  return (await app.agent().get('/profile')).status
}

// RFC 6749 2.3.1: both are form-encoded before they are joined.
const odd = { clientId: 'web:client id', clientSecret: 'p%3A+ &=/\u00fc:"' }

describe('client authentication at the token endpoint', () => {
  it('uses client_secret_basic by default, whatever characters the credentials contain', async () => {
    expect(await logIn({ ...odd, authMethod: 'client_secret_basic' })).toBe(200)
    const token = provider.requestsTo('token')[0]
    expect(token?.headers['authorization']).toMatch(/^Basic /)
    expect(token?.params.has('client_secret')).toBe(false)
  })

  it('uses client_secret_post if it is configured', async () => {
    expect(await logIn({ ...odd, authMethod: 'client_secret_post' }, { clientAuth: 'client_secret_post' })).toBe(200)
    const token = provider.requestsTo('token')[0]
    expect(token?.headers['authorization']).toBeUndefined()
    expect(token?.params.get('client_secret')).toBe(odd.clientSecret)
  })

  it('sends no client credentials for a public client, which still uses PKCE', async () => {
    expect(await logIn({ clientId: 'spa' })).toBe(200)
    const token = provider.requestsTo('token')[0]
    expect(token?.headers['authorization']).toBeUndefined()
    expect(token?.params.has('client_secret')).toBe(false)
    expect(token?.params.get('client_id')).toBe('spa')
    expect(token?.params.get('code_verifier')).toMatch(/^[\w-]{43,}$/)
  })

  it(
    'fails with client_rejected for a wrong secret, without revealing the secret',
    { meta: { id: 'client-auth-1' } },
    async () => {
      const wrong = { clientSecret: 'another secret entirely' }
      expect(await logIn({ clientId: 'web', clientSecret: 'web-secret' }, wrong)).toBe(500)
      expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'client_rejected' }])
      expect(JSON.stringify(app.events)).not.toContain('another secret')
    },
  )
})

describe('client authentication at the revocation endpoint', () => {
  it.each(['client_secret_basic', 'client_secret_post'] as const)(
    'a logout revokes the tokens with the client authentication %s',
    { meta: { id: 'client-auth-2' } },
    async (authMethod) => {
      provider = await startTestProvider({
        signIn: 'alice',
        algorithm: 'ES256',
        clients: [{ ...odd, authMethod }],
        refreshTokens: 'rotating',
      })
      app = await startApp({ provider, options: { clientAuth: authMethod } })
      const agent = app.agent()
      await agent.get('/profile')
      const login = provider.requestsTo('token')[0]
      await agent.post('/logout', {}, { followRefresh: false })
      const revocations = provider.requestsTo('revocation')
      expect(revocations.map(({ status }) => status)).toEqual([200, 200])
      for (const { headers, params } of revocations) {
        expect(headers['authorization']).toBe(login?.headers['authorization'])
        expect(params.get('client_secret')).toBe(login?.params.get('client_secret'))
      }
      expect(login?.headers['authorization'] ?? login?.params.get('client_secret')).toBeTruthy()
    },
  )
})
