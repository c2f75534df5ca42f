/** A second login of the same user with Keycloak: why the tokens of the first one are not revoked. */
import { expect, it } from 'vitest'
import { getTokens, keycloakFlow, logIn, tokenRoute } from './support.ts'

const flow = keycloakFlow()

function call(path: string, body: Record<string, string | undefined>): Promise<Response> {
  return fetch(`${flow.url}/realms/acme/protocol/openid-connect/${path}`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from('web:web-secret').toString('base64')}` },
    body: new URLSearchParams(body as Record<string, string>),
  })
}

it('the tokens of a second login are valid after the login, and not once those of the first are revoked', async () => {
  const app = await flow.start({ routes: tokenRoute })
  const agent = app.agent()
  await logIn(agent, '/profile', 'alice')
  const { refreshToken: first } = await getTokens(agent)
  await agent.get('/login')
  const { refreshToken: second } = await getTokens(agent)
  expect(second).not.toBe(first)
  const refreshed = await call('token', { grant_type: 'refresh_token', refresh_token: second })
  expect(refreshed.status).toBe(200)
  const { refresh_token: latest } = (await refreshed.json()) as { refresh_token: string }
  expect((await call('revoke', { token: first })).status).toBe(200)
  const refused = await call('token', { grant_type: 'refresh_token', refresh_token: latest })
  expect(await refused.json()).toMatchObject({ error: 'invalid_grant' })
})
