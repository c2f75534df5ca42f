/** Responses that begin before they are complete: streams, and headers that are flushed early. */
import { request, type IncomingMessage } from 'node:http'
import { expect, it } from 'vitest'
import { flow, noteRoutes, listNotes, response } from '../support/flow.ts'

const world = flow()

it(
  'a streamed guarded page keeps its session, its cookie and its login',
  { meta: { id: 'early-answers-1' } },
  async () => {
    const app = await world.start({
      session: { rolling: true },
      routes: (express, oidc) => {
        noteRoutes(express)
        express.get('/stream', oidc.requireAuth(), (req, res, next) => {
          req.session.flowNotes = ['written before']
          res.type('text/plain')
          res.flushHeaders()
          res.write(`${req.oidc.user?.sub}, `)
          req.oidc.tokens().then(({ tokenType }) => {
            res.write(`${tokenType}, `)
            setImmediate(() => res.end(req.oidc.isAuthenticated ? 'still here' : 'gone'))
          }, next)
        })
      },
    })
    const agent = app.agent()
    await agent.get('/profile')
    const page = await agent.get('/stream')
    expect(page.text()).toBe('alice, bearer, still here')
    expect(page.headers.getSetCookie().some((line) => line.startsWith('connect.sid='))).toBe(true)
    expect(await listNotes(agent, app)).toMatchObject({ sub: 'alice', notes: ['written before'] })
  },
)

it(
  'a finished login is in the session store before the browser is redirected',
  { meta: { id: 'early-answers-2' } },
  async () => {
    const order: string[] = []
    const store = world.store()
    const write = store.set.bind(store)
    store.set = async (sid, session, callback) => {
      await new Promise((resolve) => setTimeout(resolve, 50))
      await write(sid, session)
      order.push('saved')
      callback?.()
    }
    const app = await world.start({ session: { store } })
    const agent = app.agent()
    const callback = await response(agent, '/profile')
    const cookie = agent.jar.cookies().map(({ name, value }) => `${name}=${value}`)
    // A browser follows a redirect as soon as it has the header.
    const head = await new Promise<IncomingMessage>((resolve, reject) => {
      request(callback, { headers: { cookie: cookie.join('; '), accept: 'text/html' } }, resolve)
        .on('error', reject)
        .end()
    })
    order.push('sent on')
    head.resume()
    expect(head.statusCode).toBe(303)
    expect(order[0]).toBe('saved')
    const session = { cookie: String(head.headers['set-cookie']?.find((line) => line.startsWith('connect.sid='))) }
    expect((await app.agent().fetch('/profile', { headers: session })).json()).toMatchObject({ user: { sub: 'alice' } })
  },
)

it(
  'the headers of every response are set before the response begins',
  { meta: { id: 'early-answers-3' } },
  async () => {
    const app = await world.start()
    const agent = app.agent()
    for (const path of ['/login', '/callback', '/callback?code=x&state=y', '/logout', '/profile']) {
      const answer = await agent.get(path, { redirect: 'manual' })
      expect(answer.headers.get('cache-control'), path).toBe('no-store')
      if (answer.text() !== '') expect(answer.headers.get('content-type')).toMatch(/^text\/html; charset=utf-8$/)
    }
  },
)
