/** Tokens for other APIs from a login at a real Keycloak: with some of its scope, and by token exchange (RFC 8693). */
import type { OidcError, OidcOptions } from 'express-session-oidc'
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import type { AppSetup, TestApp } from '../support/app.ts'
import { pass, shownToken } from '../support/tokens-app.ts'
import { waiting } from '../support/waiting.ts'
import { addAudience, getContent } from './api-realm.ts'
import { loginRealm, refreshed } from './login-realm.ts'
import { logIn, getTokens } from './support.ts'
import { getContext } from '../support/app.ts'

const realm = loginRealm(
  'tokens for other APIs',
  {
    revokeRefreshToken: true,
    refreshTokenMaxReuse: 0,
    enabledEventTypes: ['REFRESH_TOKEN', 'REFRESH_TOKEN_ERROR', 'TOKEN_EXCHANGE', 'TOKEN_EXCHANGE_ERROR'],
  },
  { client: { attributes: { 'standard.token.exchange.enabled': 'true' } } },
)

/** An optional scope of the client, with which its tokens are for `billing` too. */
let toBilling: string

beforeAll(async () => {
  if (!realm.isThere) return
  await addAudience(realm, realm.web)
  const mapper = { 'included.client.audience': 'billing' }
  toBilling = await addAudience(realm, realm.web, { isOptional: true, mapper })
})

/** Routes that show a token. Their query has the parameters of `accessToken()` or `exchange()`. */
const routes: NonNullable<AppSetup['routes']> = (app, oidc) => {
  for (const [path, get] of [
    ['/access', 'accessToken'],
    ['/exchange', 'exchange'],
  ] as const) {
    const show = waiting(async (req, res) => {
      res.json({ token: await getContext(req)[get](req.query) })
    })
    app.get(path, oidc.requireAuth(), show)
  }
}

interface Login {
  readonly app: TestApp
  readonly agent: UserAgent
  /** The errors that `onError` got. */
  readonly errors: OidcError[]
}

async function loggedIn(scope: readonly string[] = ['openid']): Promise<Login> {
  const errors: OidcError[] = []
  const onError: OidcOptions['onError'] = (error, _req, res) => {
    errors.push(error)
    res.status(error.status).end()
  }
  const app = await realm.start({ scope, onError }, { routes })
  const agent = app.agent()
  await logIn(agent, '/profile', 'bob', realm.name)
  await realm.refreshes()
  return { app, agent, errors }
}

/** Requests a token from a route. */
function ask({ agent }: Login, path: string, wanted: Record<string, string>): Promise<UserAgentResponse> {
  return agent.fetch(`${path}?${new URLSearchParams(wanted).toString()}`)
}

async function getToken(login: Login, path: string, wanted: Record<string, string>): Promise<string> {
  const answer = await ask(login, path, wanted)
  expect(answer.status, answer.text()).toBe(200)
  return String(answer.json()['token'])
}

function words({ scope }: Record<string, unknown>): string[] {
  return String(scope).split(' ')
}

describe.skipIf(!realm.isThere)('accessToken({ scope })', () => {
  it('accessToken({ scope }) returns a token with less scope, stored beside that of the login', async () => {
    const login = await loggedIn(['openid', toBilling])
    const own = await shownToken(login.agent, login.app.url)
    const narrow = await getToken(login, '/access', { scope: 'openid' })
    expect(words(getContent(narrow).claims)).not.toContain(toBilling)
    expect(getContent(narrow).claims['aud']).toBe('orders')
    expect(await getToken(login, '/access', { scope: 'openid' })).toBe(narrow)
    expect(await shownToken(login.agent, login.app.url)).toEqual(own)
    expect(own.scope).toContain(toBilling)
    expect(await realm.refreshes()).toEqual(['REFRESH_TOKEN'])
  })

  it('scope that was not granted is answered with 403 although Keycloak issues a token', async () => {
    const login = await loggedIn()
    const answer = await ask(login, '/access', { scope: `openid ${toBilling}` })
    expect(answer.status).toBe(403)
    expect(await getToken(login, '/access', { scope: 'openid' })).toMatch(/^ey/)
    expect((await login.agent.fetch('/profile')).status).toBe(200)
  })

  it('scope that was not granted is requested from Keycloak when a page needs it', async () => {
    const login = await loggedIn()
    const wanted = { scope: `openid ${toBilling}` }
    const page = await login.agent.get(`/access?${new URLSearchParams(wanted).toString()}`)
    expect(page.status, page.text()).toBe(200)
    expect(words(getContent(String(page.json()['token'])).claims)).toContain(toBilling)
    expect((await login.agent.fetch('/profile')).json()['scope']).toContain(toBilling)
  })
})

describe.skipIf(!realm.isThere)('exchange()', () => {
  it('exchange() returns a token that only the API in its audience accepts, and caches it', async () => {
    const login = await loggedIn(['openid', toBilling])
    const own = await shownToken(login.agent, login.app.url)
    expect(getContent(own.token).claims['aud']).toEqual(expect.arrayContaining(['orders', 'billing']))
    const token = await getToken(login, '/exchange', { audience: 'orders' })
    const { claims } = getContent(token)
    expect(claims).toMatchObject({ aud: 'orders', azp: realm.web.clientId, sub: getContent(own.token).claims['sub'] })
    expect((await (await realm.api()).call(token)).status).toBe(200)
    expect((await (await realm.api({ audience: 'billing' })).call(token)).status).toBe(401)

    expect(await getToken(login, '/exchange', { audience: 'orders' })).toBe(token)
    expect(await shownToken(login.agent, login.app.url)).toEqual(own)
    expect(await realm.refreshes()).toEqual(['TOKEN_EXCHANGE'])
  })

  it('exchange() returns a token with scope that the login does not have', async () => {
    const login = await loggedIn()
    const token = await getToken(login, '/exchange', { audience: 'billing', scope: `openid ${toBilling}` })
    expect(getContent(token).claims['aud']).toBe('billing')
    expect((await shownToken(login.agent, login.app.url)).scope).not.toContain(toBilling)
  })

  it('a login is refreshed after exchange(), with a new ID token only if the scope had openid', async () => {
    const login = await loggedIn()
    await getToken(login, '/exchange', { audience: 'orders', scope: 'openid' })
    const { idToken } = await getTokens(login.agent)
    await refreshed(login.app, login.agent)
    expect((await getTokens(login.agent)).idToken).not.toBe(idToken)

    // From then on Keycloak issues no ID token, and the login keeps its own.
    const kept = (await getTokens(login.agent)).idToken
    await getToken(login, '/exchange', { audience: 'orders', scope: 'email' })
    await refreshed(login.app, login.agent)
    expect((await getTokens(login.agent)).idToken).toBe(kept)
    expect(await realm.refreshes()).toEqual(['TOKEN_EXCHANGE', 'REFRESH_TOKEN', 'TOKEN_EXCHANGE', 'REFRESH_TOKEN'])
  })

  const faults: [string, Record<string, string>, string][] = [
    ['not a client of the realm', { audience: 'nonesuch' }, 'Audience not found'],
    ['not in the tokens of the client', { audience: 'billing' }, 'Requested audience not available: billing'],
  ]
  it.each(faults)(
    'exchange() for an audience that is %s answers 500, and the error says why',
    async (_, wanted, why) => {
      expect(await refusal(await loggedIn(), wanted)).toContain(why)
    },
  )

  it('exchange() by a client without permission answers 500, and the error says why', async () => {
    const login = await loggedIn()
    const { id } = realm.web
    const permit = (is: boolean): Promise<unknown> =>
      realm.admin('PUT', `/clients/${id}`, { attributes: { 'standard.token.exchange.enabled': String(is) } })
    realm.later(() => permit(true))
    await permit(false)
    const why = await refusal(login, { audience: 'orders' })
    expect(why).toContain('Standard token exchange is not enabled for the requested client')
    expect((await login.agent.fetch('/profile')).status).toBe(200)
  })

  it('exchange() of a login whose session has ended answers 401 and ends the login', async () => {
    const login = await loggedIn()
    const { claims } = getContent((await getTokens(login.agent)).accessToken)
    await realm.admin('DELETE', `/sessions/${String(claims['sid'])}`)
    pass(31)
    expect((await ask(login, '/exchange', { audience: 'orders' })).status).toBe(401)
    expect((await login.agent.fetch('/profile')).status).toBe(401)
  })

  /** The `detail` of an error that is answered with 500. */
  async function refusal(login: Login, wanted: Record<string, string>): Promise<string | undefined> {
    const answer = await ask(login, '/exchange', wanted)
    expect(answer.status).toBe(500)
    expect(login.errors).toMatchObject([{ code: 'client_rejected' }])
    return login.errors[0]?.detail
  }
})
