/** Logouts that a page of a real Keycloak sends through frames (OpenID Connect Front-Channel Logout 1.0). */
import type { UserAgentResponse } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import type { TestApp } from '../support/app.ts'
import { listEvents } from '../support/flow.ts'
import { loginRealm } from './login-realm.ts'
import { asksForPassword, logIn, getTokens } from './support.ts'
import { getContent } from './api-realm.ts'

const realm = loginRealm('frontchannel')

/** Sets the URL of an application that Keycloak's page loads in a frame after a logout. */
async function framesAt(app: TestApp, { id, clientId } = realm.web): Promise<void> {
  const url = app.url + app.oidc.paths.frontchannelLogout
  await realm.admin('PUT', `/clients/${id}`, {
    clientId,
    frontchannelLogout: true,
    attributes: { 'frontchannel.logout.url': url, 'frontchannel.logout.session.required': 'true' },
  })
}

/** The URL of the only frame of a page. */
function getFrame(page: UserAgentResponse): URL {
  const frames = [...page.text().matchAll(/<iframe[^>]* src="([^"]+)"/g)].map(([, url = '']) => url)
  expect(frames).toHaveLength(1)
  return new URL(String(frames[0]).replaceAll('&amp;', '&'))
}

describe.skipIf(!realm.isThere)('a logout in another application', () => {
  it('a logout in another application loads a frame of this one, which ends the login here', async () => {
    const app = await realm.start()
    await framesAt(app)
    const { clientId } = await realm.client({ secret: 'other-secret' })
    const other = await realm.start({ clientId, clientSecret: 'other-secret' }, { session: { name: 'other.sid' } })
    const agent = app.agent()
    await logIn(agent, '/profile', await realm.newUser(), realm.name)
    const { sid } = getContent((await getTokens(agent)).idToken).claims
    expect((await agent.get(`${other.url}/profile`)).status).toBe(200)

    const page = await agent.get(`${other.url}/logout`)
    expect(new URL(page.url).origin).toBe(realm.url)
    const frame = getFrame(page)
    expect(frame.origin + frame.pathname).toBe(app.url + app.oidc.paths.frontchannelLogout)
    expect(Object.fromEntries(frame.searchParams)).toEqual({ iss: realm.issuer, sid })
    expect((await agent.fetch('/profile')).status).toBe(200)
    const wrong = new URL(frame)
    wrong.searchParams.set('sid', 'another')
    await agent.get(wrong.href)
    expect((await agent.fetch('/profile')).status).toBe(200)
    const framed = await agent.get(frame.href, {
      headers: { 'sec-fetch-dest': 'iframe', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'cross-site' },
    })
    expect(framed.status).toBe(200)
    expect(framed.headers.get('content-security-policy')).toContain(`frame-ancestors ${realm.url}`)
    expect((await agent.fetch('/profile')).status).toBe(401)
    // Once its frames have loaded, a script of the page continues to the return address of that logout.
    expect(page.text()).toContain(`window.location.replace("${other.url}/?state=`)
    expect(listEvents(app, 'logout')).toMatchObject([{ reason: 'front_channel' }])
    expect(asksForPassword(await agent.get('/profile'), realm.name)).toBe(true)
  })
})
