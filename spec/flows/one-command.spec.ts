import { RedisSessionStore } from 'express-session-oidc/redis'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { startApp, until, type TestApp } from '../support/app.ts'
import { flow } from '../support/flow.ts'
import { newClient } from '../support/redis.ts'
import { sessionId } from '../support/session-cookie.ts'

const isReal = inject('redisIsReal')
if (!isReal)
  console.warn('notice: skipped without a real Redis: the commands of a guarded request, as MONITOR shows them')

const test = flow()

describe.skipIf(!isReal)('the Redis commands of a request', () => {
  /** A separate connection for the application, so that MONITOR shows which commands it sends. */
  const client = newClient(test.redis.url)
  const monitor = newClient(test.redis.url)
  const lines: string[] = []
  let address = ''
  let app: TestApp
  /** The path of each request whose response was written to before its end. */
  let writes: string[] = []
  let marks = 0

  beforeAll(async () => {
    await Promise.all([client.connect(), monitor.connect()])
    address = (await client.clientInfo()).addr
    await monitor.monitor((line) => lines.push(line))
    app = await startApp({
      provider: test.provider,
      session: { store: new RedisSessionStore({ client, idleSeconds: 600 }) },
      before(app) {
        app.use((req, res, next) => {
          const write = res.write.bind(res)
          res.write = ((...parameters: Parameters<typeof write>) => {
            writes.push(req.path)
            return write(...parameters)
          }) as typeof res.write
          next()
        })
      },
      routes(app, oidc) {
        app.get('/plain', (_req, res) => void res.send('for everyone'))
        app.get('/admin', oidc.requireAuth({ roles: ['admin'], scope: 'openid' }), (_req, res) => void res.send('yes'))
        app.get('/nobody', oidc.requireAuth({ roles: ['nobody'] }), (_req, res) => void res.send('never'))
      },
    })
  })
  afterAll(async () => {
    await app.stop()
    client.destroy()
    monitor.destroy()
  })
  beforeEach(() => {
    writes = []
  })

  /** The commands of the application while `work` runs, as MONITOR shows them. */
  async function during(work: () => Promise<unknown>): Promise<string[]> {
    const [from, to] = [`mark ${++marks} `, `mark ${++marks} `]
    await client.ping(from)
    await work()
    await client.ping(to)
    const shown: string[] = []
    await until(() => {
      shown.push(...lines.splice(0).filter((line) => line.includes(` ${address}]`)))
      return shown.some((line) => line.includes(to))
    }, 'MONITOR shows the second mark')
    const commands = shown.map((line) => line.slice(line.indexOf('"')))
    return commands.slice(
      commands.findIndex((command) => command.includes(from)) + 1,
      commands.findIndex((command) => command.includes(to)),
    )
  }

  it('a guarded request of a logged-in user sends one command, for session and login together', async () => {
    const agent = app.agent()
    expect((await agent.get('/profile')).status).toBe(200)
    const id = sessionId(agent)
    const commands = await during(async () => {
      expect((await agent.get('/profile')).status).toBe(200)
    })
    expect(commands).toEqual([`"MGET" "sess:${id}" "oidc:{sess:${id}}"`])
  })

  it('several guarded requests send one command each, in sequence and concurrently', async () => {
    const agent = app.agent()
    await agent.get('/profile')
    const id = sessionId(agent)
    const command = `"MGET" "sess:${id}" "oidc:{sess:${id}}"`
    const pages = ['/profile', '/admin', '/profile', '/', '/admin']
    expect(
      await during(async () => {
        for (const page of pages) expect((await agent.get(page)).status).toBe(200)
      }),
    ).toEqual(pages.map(() => command))
    expect(
      await during(async () => {
        const found = await Promise.all(pages.map((page) => agent.fetch(page)))
        expect(found.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
      }),
    ).toEqual(pages.map(() => command))
  })

  it('a guarded request that is answered with 403 sends one command', async () => {
    const agent = app.agent()
    await agent.get('/profile')
    const commands = await during(async () => {
      expect((await agent.get('/nobody')).status).toBe(403)
    })
    expect(commands).toHaveLength(1)
  })

  it(
    'a request without a login sends no command: public pages, guarded pages, the login route',
    { meta: { id: 'one-command-1' } },
    async () => {
      const agent = app.agent()
      const commands = await during(async () => {
        expect((await agent.get('/plain')).status).toBe(200)
        expect((await agent.get('/')).text()).toBe('hello stranger')
        expect((await agent.fetch('/profile')).status).toBe(401)
        expect((await agent.get('/profile', { redirect: 'manual' })).status).toBe(302)
        expect((await agent.get('/login', { redirect: 'manual' })).status).toBe(302)
        // A session cookie with a forged signature is ignored.
        const forged = await agent.get('/profile', {
          redirect: 'manual',
          headers: { cookie: 'connect.sid=s%3Aid.forged' },
        })
        expect(forged.status).toBe(302)
      })
      expect(commands).toEqual([])
    },
  )

  it('a response is sent in one piece', { meta: { id: 'one-command-2' } }, async () => {
    const agent = app.agent()
    await agent.get('/profile')
    writes = []
    for (const page of ['/profile', '/admin', '/', '/plain', '/nobody']) await agent.get(page)
    expect(writes).toEqual([])
  })
})
