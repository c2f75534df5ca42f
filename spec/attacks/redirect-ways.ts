/** All inputs that can set the target of a redirect, each with the URLs that result. */
import type { RequestHandler } from 'express'
import { createOidc, type OidcOptions } from 'express-session-oidc'
import { createUserAgent, type UserAgent } from 'express-session-oidc/testing'
import { expect } from 'vitest'
import { readLinks } from '../../lib/testing/html-reader.ts'
import { hashShort } from '../../lib/core/short-hash.ts'
import { longestState } from '../../lib/session/state.ts'
import { getContext, secret, type AppSetup, type TestApp } from '../support/app.ts'
import { makeIdentity, type Identity } from '../support/identity.ts'
import { behindTls, forgetTransactions, readLocation, publicOrigin, type Flow } from '../support/flow.ts'
import { openPlanted, plantLogin, plantLoginTo, readSetCookies, type PlantedParts } from '../support/planted-login.ts'
import { waiting } from '../support/waiting.ts'
import { form, navigation, queryValue, rawRequest, script, type HeaderLines, type RawAnswer } from './raw-http.ts'

/** One such input: prepares a function that sends a target and returns the resulting URLs, if any. */
export type Way = () => Promise<(target: string) => Promise<readonly string[]>>

/** The identity of an application started by {@link startAtPublicOrigin}. */
function identityAt(issuer: string, basePath = ''): Identity {
  return makeIdentity({ issuer, clientId: 'public-name', baseUrl: publicOrigin + basePath, secret })
}

/** The `returnTo` of the login in progress that a response begins. It must set exactly one cookie of a login. */
export function stored(answer: RawAnswer, basePath = ''): string {
  const location = new URL(answer.get('Location') ?? '')
  const identity = identityAt(location.origin, basePath)
  const cookies = readSetCookies(answer.all('Set-Cookie'))
  const own = [...cookies.keys()].filter((name) => /^[\w-]{9}$/.test(name.slice(identity.place.prefix.length)))
  if (own.length !== 1) throw new Error(`expected exactly one login: ${answer.head}`)
  const login = openPlanted(identity, location.searchParams.get('state'), cookies, { basePath })
  if (login.isPageLost) throw new Error(`the page was lost: ${answer.head}`)
  return login.returnTo
}

/** Whether the details of a login with this target make a cookie that browsers reject (RFC 6265bis 5.6). */
function isTooLong(target: string): boolean {
  return Buffer.byteLength(JSON.stringify(target)) > 2500
}

/** A login in progress that returns to a target, the start of its authorization response, and the nonce of its tokens. */
function planted(issuer: string, returnTo: string, parts: PlantedParts = {}) {
  return prepare(issuer, plantLoginTo(identityAt(issuer), returnTo, parts))
}

/** The same with the target in its details, even if it is short. */
function plantedInDetails(issuer: string, returnTo: string) {
  return prepare(issuer, plantLogin(identityAt(issuer), { isPageShort: true, details: { page: returnTo } }))
}

/** The start of a response to a login whose cookie is missing; undefined if its target does not fit into `state`. */
function plantedState(issuer: string, page: string, parts: PlantedParts = {}): string | undefined {
  const login = plantLogin(identityAt(issuer), { ...parts, page })
  return login.state.length > longestState ? undefined : prepare(issuer, login).callback
}

function prepare(issuer: string, { id, state, nonce, cookies }: ReturnType<typeof plantLogin>) {
  const callback = `/callback?${new URLSearchParams({ state, iss: issuer }).toString()}`
  const plant = ({ jar }: UserAgent): void => {
    for (const [name, value] of cookies) jar.set(`${name}=${value}; Path=/; Secure; HttpOnly`, publicOrigin)
  }
  return { id, nonce, callback, plant }
}

type Setup = Omit<Partial<AppSetup>, 'options'> & { options?: Partial<OidcOptions> }

/** Starts an application at `publicOrigin`, behind a proxy that terminates TLS. */
export function startAtPublicOrigin(world: Flow, { options, ...setup }: Setup = {}): Promise<TestApp> {
  const settings = world.provider.settings('public-name')
  return world.start({
    ...behindTls(world.provider),
    ...setup,
    options: { ...settings, ...options } as Partial<OidcOptions>,
  })
}

/** Sends a request as that proxy would forward it. */
export function sendRaw(app: TestApp, target: string, headers = navigation, method = 'GET'): Promise<RawAnswer> {
  const proxied: HeaderLines = [['X-Forwarded-Proto', 'https'], ...headers]
  return rawRequest(app.url, { method, target, host: 'app.example.com', headers: proxied })
}

/** Whether a guard or a route redirects. Any other response must have no Location, no cookie and no guarded content. */
function sentOn(answer: RawAnswer, status: 302 | 303): boolean {
  if (answer.status === status) return true
  expect([answer.all('Location'), answer.all('Set-Cookie')]).toEqual([[], []])
  expect(answer.body).not.toBe('inside')
  return false
}

/** Referer values made of a target. A target with line breaks has none, since they would end the header. */
function referers(target: string): string[] {
  return [target, publicOrigin + target, `${publicOrigin}/${target}`].filter((text) => !/[\r\n]/.test(text))
}

/** The URL of a link on a page. */
function getLink(page: string, text: string): string {
  const link = readLinks(page).find((one) => one.text === text)
  if (!link) throw new Error(`${page} has no link '${text}'`)
  return link.href
}

function getReturnTo(login: string): string {
  return new URL(login, publicOrigin).searchParams.get('returnTo') ?? '/'
}

function tried<Made>(make: () => Made): Made | undefined {
  try {
    return make()
  } catch (error) {
    expect(error).toMatchObject({ code: 'options_invalid' })
    return undefined
  }
}

export function listWays(world: Flow): Record<string, Way> {
  const start = (setup?: Setup): Promise<TestApp> => startAtPublicOrigin(world, setup)
  const browser = (app: TestApp): UserAgent =>
    createUserAgent({ baseUrl: publicOrigin, proxies: { [publicOrigin]: app.url } })

  async function loggedIn(app: TestApp): Promise<UserAgent> {
    const agent = browser(app)
    expect((await agent.get('/profile')).status).toBe(200)
    return agent
  }

  let nonce = ''

  /** Answers for the token endpoint within the process, so that a login needs only one request. */
  const tokensAtOnce: typeof fetch = async (input, init) => {
    if (typeof input !== 'string' || !input.endsWith('/token')) return fetch(input, init)
    const now = Math.floor(Date.now() / 1000)
    const { issuer } = world.provider
    const claims = { iss: issuer, sub: 'alice', aud: 'public-name', exp: now + 300, iat: now, nonce }
    return Response.json({ access_token: 'x', token_type: 'Bearer', id_token: await world.provider.sign(claims) })
  }

  /** Guards all pages behind the first few. */
  const guardAll: NonNullable<Setup['routes']> = (express, oidc) => {
    express.use(oidc.requireAuth(), (_req, res) => void res.send('inside'))
  }

  /** An application whose routes start and end logins with the given target. */
  async function startOwnRoutes(): Promise<{ app: TestApp; given: { target: string; refused: boolean } }> {
    const given = { target: '/', refused: false }
    const noted = (work: Promise<void>): Promise<void> => {
      given.refused = false
      return work.catch((error: unknown) => {
        given.refused = true
        expect(error).toMatchObject({ code: 'options_invalid' })
        throw error
      })
    }
    const app = await start({
      routes: (express) => {
        express.get(
          '/begin',
          waiting((req) => noted(getContext(req).login({ returnTo: given.target }))),
        )
        express.all(
          '/end',
          waiting((req) => noted(getContext(req).logout({ returnTo: given.target }))),
        )
      },
    })
    return { app, given }
  }

  /** An application with a route whose handler is set later. */
  async function startOpenRoute(): Promise<{ app: TestApp; put: (handler: RequestHandler) => void }> {
    let handler: RequestHandler = (_req, res) => void res.end()
    const app = await start({ routes: (express) => void express.get('/open', (...given) => handler(...given)) })
    return { app, put: (made) => void (handler = made) }
  }

  return {
    async 'returnTo of the login route'() {
      const app = await start()
      return async (target) => [stored(await sendRaw(app, `/login?returnTo=${queryValue(target)}`))]
    },

    async 'returnTo of the login route, not encoded'() {
      const app = await start()
      return async (target) => {
        const answer = await sendRaw(app, `/login?returnTo=${target}`)
        return sentOn(answer, 302) ? [stored(answer)] : []
      }
    },

    async 'the request target of a guarded page'() {
      const app = await start({ routes: guardAll })
      return async (target) => {
        const answer = await sendRaw(app, target)
        return sentOn(answer, 302) ? [stored(answer)] : []
      }
    },

    async 'the request target of a guarded page, by HEAD'() {
      const app = await start({ routes: guardAll })
      return async (target) => {
        const answer = await sendRaw(app, target, navigation, 'HEAD')
        if (!sentOn(answer, 302)) return []
        const url = answer.get('Location') ?? 'none'
        return [url, getReturnTo(url)]
      }
    },

    async 'the request target of a guarded page with a loginPage'() {
      const app = await start({ options: { loginPage: '/signin?lang=en#form' }, routes: guardAll })
      return async (target) => {
        const answer = await sendRaw(app, target)
        if (!sentOn(answer, 302)) return []
        const url = answer.get('Location') ?? 'none'
        expect(url).toMatch(/^\/signin\?lang=en&returnTo=[^&#]+#form$/)
        return [url, getReturnTo(url)]
      }
    },

    async 'the request target of a guarded page below a prefix that a proxy strips'() {
      const app = await start({ basePath: '/shop', routes: guardAll })
      return async (target) => {
        const answer = await sendRaw(app, target)
        if (!sentOn(answer, 302)) return []
        expect(stored(answer, '/shop')).toMatch(/^\/shop(?:[/?#]|$)/)
        return [stored(answer, '/shop')]
      }
    },

    async 'the Referer of a form'() {
      const app = await start({ routes: guardAll })
      return async (target) => {
        const out: string[] = []
        for (const referer of referers(target)) {
          const answer = await sendRaw(app, '/guarded', [...form, ['Referer', referer]], 'POST')
          // The server itself rejects control characters in a header.
          if (answer.status === 400) continue
          expect(answer.status).toBe(401)
          const href = getLink(answer.body, 'Log in')
          out.push(href, getReturnTo(href))
        }
        return out
      }
    },

    async 'the Referer of a fetch'() {
      const app = await start({ routes: guardAll })
      return async (target) => {
        const out: string[] = []
        for (const referer of referers(target)) {
          const answer = await sendRaw(app, '/guarded', [...script, ['Referer', referer]])
          if (answer.status === 400) continue
          expect(answer.status).toBe(401)
          const { login } = JSON.parse(answer.body) as { login: string }
          out.push(login, getReturnTo(login))
        }
        return out
      }
    },

    async 'the return value of afterLogin'() {
      let wanted = ''
      const agent = browser(await start({ options: { fetch: tokensAtOnce, afterLogin: () => wanted } }))
      return async (target) => {
        wanted = target
        const login = planted(world.provider.issuer, '/profile')
        login.plant(agent)
        ;({ nonce } = login)
        const answer = await agent.get(`${login.callback}&code=x`, { redirect: 'manual' })
        forgetTransactions(agent)
        const found = answer.headers.get('location')
        expect(answer.status).toBe(found === null ? 500 : 303)
        return found === null ? [] : [found]
      }
    },

    async 'req.oidc.login({ returnTo })'() {
      const { app, given } = await startOwnRoutes()
      return async (target) => {
        given.target = target
        const answer = await sendRaw(app, '/begin')
        expect(answer.status).toBe(given.refused ? 500 : 302)
        return sentOn(answer, 302) ? [stored(answer)] : []
      }
    },

    async 'req.oidc.logout({ returnTo }) of a visitor'() {
      const { app, given } = await startOwnRoutes()
      return async (target) => {
        given.target = target
        const page = await sendRaw(app, '/end')
        expect(page.status).toBe(given.refused ? 500 : 303)
        if (!sentOn(page, 303)) return []
        const answer = await sendRaw(app, '/end', [...script, ['Content-Length', '0']], 'POST')
        return [page.get('Location') ?? 'none', (JSON.parse(answer.body) as { location: string }).location]
      }
    },

    async 'req.oidc.logout({ returnTo }) of a user'() {
      const { app, given } = await startOwnRoutes()
      return async (target) => {
        given.target = target
        // A target that is rejected for a visitor is rejected for a user too, and this check needs no login.
        await sendRaw(app, '/end')
        if (given.refused) return []
        const agent = await loggedIn(app)
        const end = new URL(readLocation(await agent.get('/end', { redirect: 'manual' })))
        expect(end.origin + end.pathname).toBe(`${world.provider.issuer}/logout`)
        const back = new URL(end.searchParams.get('post_logout_redirect_uri') ?? 'none')
        expect(back.pathname).toBe('/')
        const page = await sendRaw(app, `/?state=${end.searchParams.get('state') ?? ''}`)
        return [page.get('Location') ?? back.href]
      }
    },

    async 'oidc.login({ returnTo })'() {
      const { app, put } = await startOpenRoute()
      return async (target) => {
        const handler = tried(() => app.oidc.login({ returnTo: target }))
        if (!handler) return []
        put(handler)
        return [stored(await sendRaw(app, '/open'))]
      }
    },

    async 'oidc.logout({ returnTo })'() {
      const { app, put } = await startOpenRoute()
      return async (target) => {
        const handler = tried(() => app.oidc.logout({ returnTo: target }))
        if (!handler) return []
        put(handler)
        return [(await sendRaw(app, '/open')).get('Location') ?? 'none']
      }
    },

    async 'the options loginPage and postLogoutRedirect'() {
      const settings = { ...world.provider.settings('public-name'), baseUrl: publicOrigin, secret }
      return async (target) => {
        const options = { loginPage: target, postLogoutRedirect: target }
        if (!tried(() => createOidc({ ...settings, ...options }))) return []
        const app = await start({ options })
        const guarded = await sendRaw(app, '/profile')
        const ended = await sendRaw(app, '/logout')
        await app.stop()
        return [guarded.get('Location') ?? 'none', ended.get('Location') ?? 'none']
      }
    },

    async 'the page of a completed login'() {
      const agent = browser(await start({ options: { fetch: tokensAtOnce } }))
      return async (target) => {
        if (isTooLong(target)) return []
        const login = planted(world.provider.issuer, target)
        login.plant(agent)
        ;({ nonce } = login)
        const answer = await agent.get(`${login.callback}&code=x`, { redirect: 'manual' })
        expect(answer.status).toBe(303)
        return [answer.headers.get('location') ?? 'none']
      }
    },

    async 'the details of a completed login'() {
      const agent = browser(await start({ options: { fetch: tokensAtOnce } }))
      return async (target) => {
        if (isTooLong(target)) return []
        const login = plantedInDetails(world.provider.issuer, target)
        login.plant(agent)
        ;({ nonce } = login)
        const answer = await agent.get(`${login.callback}&code=x`, { redirect: 'manual' })
        expect(answer.status).toBe(303)
        return [answer.headers.get('location') ?? 'none']
      }
    },

    async 'the page of a denied login, on its error page'() {
      const agent = await loggedIn(await start())
      return async (target) => {
        if (isTooLong(target)) return []
        const { plant, callback } = planted(world.provider.issuer, target)
        plant(agent)
        const page = await agent.get(`${callback}&error=access_denied`)
        forgetTransactions(agent)
        expect(page.status).toBe(403)
        return [getLink(page.text(), 'Go back')]
      }
    },

    async 'the page of a failed silent login'() {
      const agent = browser(await start())
      return async (target) => {
        if (isTooLong(target)) return []
        const { plant, callback } = planted(world.provider.issuer, target, { checked: { prompt: 'none' } })
        plant(agent)
        const answer = await agent.get(`${callback}&error=login_required`, { redirect: 'manual' })
        forgetTransactions(agent)
        return [answer.headers.get('location') ?? 'none']
      }
    },

    async 'the page of a failed silent login without its cookie'() {
      const app = await start()
      const agent = browser(app)
      agent.jar.set(`${app.cookie('silent')}=1; Path=/; Secure`, publicOrigin)
      return async (target) => {
        const callback = plantedState(world.provider.issuer, target, { isSilent: true })
        if (callback === undefined) return []
        const answer = await agent.get(`${callback}&error=login_required`, { redirect: 'manual' })
        expect(answer.status).toBe(303)
        return [answer.headers.get('location') ?? 'none']
      }
    },

    async 'the page of a restarted login'() {
      const agent = browser(await start())
      return async (target) => {
        if (isTooLong(target)) return []
        const { id, plant, callback } = planted(world.provider.issuer, target)
        plant(agent)
        await world.redis.client.set(`oidc:used:${id}`, '{"status":"failed","response":""}', { EX: 60 })
        return [await readRestarted(agent, callback)]
      }
    },

    async 'the page of a login that restarts without its cookie'() {
      const agent = browser(await start())
      return async (target) => {
        const callback = plantedState(world.provider.issuer, target)
        return callback === undefined ? [] : [await readRestarted(agent, callback)]
      }
    },

    async 'the page of a login whose cookie is missing, for a user who is logged in'() {
      const agent = await loggedIn(await start())
      return async (target) => {
        const callback = plantedState(world.provider.issuer, target, { startedAt: Date.now() / 1000 - 60 })
        if (callback === undefined) return []
        const answer = await agent.get(`${callback}&code=x`, { redirect: 'manual' })
        expect(answer.status).toBe(303)
        return [answer.headers.get('location') ?? 'none']
      }
    },

    async 'the record of a response that is used again'() {
      const agent = browser(await start())
      return async (target) => {
        const { id, plant, callback } = planted(world.provider.issuer, '/profile')
        plant(agent)
        const response = hashShort('x')
        const settled = JSON.stringify({ status: 'done', loginId: 'x', returnTo: target, response })
        await world.redis.client.set(`oidc:used:${id}`, settled, { EX: 60 })
        const answer = await agent.get(`${callback}&code=x`, { redirect: 'manual' })
        forgetTransactions(agent)
        expect(answer.status).toBe(303)
        return [answer.headers.get('location') ?? 'none']
      }
    },
  }
}

/** Delivers a response that restarts its login, and returns the page of the new login. */
async function readRestarted(agent: UserAgent, callback: string): Promise<string> {
  const again = await agent.get(`${callback}&code=x`, { redirect: 'manual' })
  expect(again.status).toBe(302)
  const location = new URL(readLocation(again))
  const cookies = new Map(agent.jar.cookies(publicOrigin).map(({ name, value }) => [name, value]))
  const { returnTo } = openPlanted(identityAt(location.origin), location.searchParams.get('state'), cookies)
  forgetTransactions(agent)
  return returnTo
}
