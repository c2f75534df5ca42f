/** A provider that browsers reach under its public name and the application under an internal one, as in containers. */
import type { OidcProviderMetadata } from 'express-session-oidc'
import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { flow, listEvents } from '../support/flow.ts'

const world = flow()

let provider: TestProvider
beforeAll(async () => {
  provider = await startTestProvider({ signIn: 'alice' })
})
afterAll(() => provider.stop())

/** The metadata, with the endpoints that the application requests under the name `localhost`. */
async function withInnerName(): Promise<OidcProviderMetadata> {
  const answer = await fetch(`${provider.issuer}/.well-known/openid-configuration`)
  const metadata = (await answer.json()) as OidcProviderMetadata
  const inner = provider.issuer.replace('127.0.0.1', 'localhost')
  const moved = ['token_endpoint', 'jwks_uri', 'userinfo_endpoint'].map((member) => [
    member,
    String(metadata[member]).replace(provider.issuer, inner),
  ])
  return { ...metadata, ...(Object.fromEntries(moved) as object) }
}

it(
  'a login works with internal endpoints in given metadata, and the issuer keeps its public name',
  { meta: { id: 'two-names-1' } },
  async () => {
    const issuer = await withInnerName()
    const app = await startApp({ provider, options: { issuer, userInfo: true }, session: { store: world.store() } })
    world.later(() => app.stop())
    provider.forget()
    expect((await app.agent().get('/profile')).json()).toMatchObject({ user: { sub: 'alice', iss: provider.issuer } })
    for (const endpoint of ['token', 'jwks', 'userinfo'] as const) {
      expect(provider.requestsTo(endpoint)[0]?.headers['host']).toMatch(/^localhost:/)
    }
    expect(provider.requestsTo('authorize')[0]?.headers['host']).toMatch(/^127\.0\.0\.1:/)
  },
)

it('a token whose issuer is the internal name logs nobody in', async () => {
  const issuer = await withInnerName()
  const app = await startApp({ provider, options: { issuer }, session: { store: world.store() } })
  world.later(() => app.stop())
  const inner = provider.issuer.replace('127.0.0.1', 'localhost')
  const undo = provider.misbehave({ idToken: { claims: { iss: inner } } })
  expect((await app.agent().get('/profile')).status).toBe(502)
  expect(listEvents(app, 'login')).toEqual([])
  undo()
})

it(
  'discovered metadata whose issuer differs from the requested one is reported',
  { meta: { id: 'two-names-2' } },
  async () => {
    const inner = provider.issuer.replace('127.0.0.1', 'localhost')
    const app = await startApp({ provider, options: { issuer: inner }, session: { store: world.store() } })
    world.later(() => app.stop())
    expect((await app.agent().get('/profile')).status).toBe(503)
    expect(String(listEvents(app, 'provider_fault')[0]?.['detail'])).toContain(
      `the issuer of the metadata is "${provider.issuer}"`,
    )
  },
)
