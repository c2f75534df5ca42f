/** Walks through `examples/websocket` without a real browser: upgrades by session and by token, and rejected ones. */
import { createServer, request, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { MemoryStore, type Store } from 'express-session'
import { createUserAgent, startTestProvider, type TestProvider, type UserAgent } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { createApp } from '../../examples/websocket/app.js'
import { close, listen, until } from '../support/app.ts'
import { getHeading, readText } from './steps.ts'

let provider: TestProvider
let store: Store
let server: Server
let url: string
let sockets: Set<Socket>
let stop: () => Promise<void>

beforeAll(async () => {
  provider = await startTestProvider({ audience: 'chat' })
})
afterAll(() => provider.stop())
beforeEach(async () => {
  await provider.start()
  store = new MemoryStore()
  server = createServer()
  sockets = new Set()
  server.on('upgrade', (_req, socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  url = (await listen(server)).replace('127.0.0.1', 'localhost')
  const example = createApp({ baseUrl: url, provider: provider.settings(), store })
  server.on('request', example.app)
  server.on('upgrade', example.upgrade)
  stop = async () => {
    example.close()
    // Closing a server does not close upgraded connections.
    for (const socket of sockets) socket.destroy()
    await close(server)
  }
})
afterEach(() => stop())

interface Client {
  readonly heard: { from?: string; text: string }[]
  readonly socket: WebSocket
}

/** The response to a rejected upgrade. */
interface Refusal {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Record<string, unknown>
}

/** Requests a WebSocket. Resolves to the open socket, or to the response in its place. */
function connect(headers: Record<string, string | string[]>, path = '/chat'): Promise<Client | Refusal> {
  const socket = new WebSocket(url.replace('http', 'ws') + path, { headers: headers as Record<string, string> })
  const heard: Client['heard'] = []
  socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()) as Client['heard'][number]))
  return new Promise((resolve, reject) => {
    socket.on('open', () => resolve({ heard, socket }))
    socket.on('error', reject)
    socket.on('unexpected-response', (_request, response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => {
        const body = JSON.parse(text) as Record<string, unknown>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body })
      })
    })
  })
}

async function opened(headers: Record<string, string>): Promise<Client> {
  const outcome = await connect(headers)
  if (!('socket' in outcome)) throw new Error(`refused: ${JSON.stringify(outcome)}`)
  return outcome
}

/** Checks that an upgrade is rejected by an HTTP response, and that its connection is closed. */
async function refused(
  headers: Record<string, string | string[]>,
  status: number,
  code?: string,
  path?: string,
): Promise<Refusal> {
  const outcome = await connect(headers, path)
  if ('socket' in outcome) throw new Error('it was let in')
  expect(outcome).toMatchObject({ status, body: { status, ...(code && { code }) } })
  expect(outcome.headers).toMatchObject({
    connection: 'close',
    'cache-control': 'no-store',
    'content-type': 'application/problem+json',
  })
  await until(() => [...sockets].every((socket) => socket.destroyed), 'the connection of the refused upgrade is closed')
  return outcome
}

async function logIn(user = 'alice'): Promise<{ agent: UserAgent; cookie: string }> {
  const agent = createUserAgent({ baseUrl: url })
  const requested = await agent.click(await agent.get('/'), 'Log in')
  const home = await agent.submit(requested, { button: user })
  expect(getHeading(home)).toMatch(/^You are \w/)
  const sid = agent.jar.get('chat.sid')
  return { agent, cookie: `chat.sid=${sid?.value ?? ''}` }
}

async function token(claims: Record<string, unknown> = {}): Promise<string> {
  const iat = Math.floor(Date.now() / 1000)
  const all = { iss: provider.issuer, aud: 'chat', sub: 'bob', scope: 'openid', iat, exp: iat + 300, ...claims }
  return `Bearer ${await provider.sign(all)}`
}

describe('a browser', () => {
  it('a browser gets a page that shows who is logged in', async () => {
    const page = await createUserAgent({ baseUrl: url }).get('/')
    expect(getHeading(page)).toBe('You are not logged in')
    const { agent } = await logIn()
    expect(readText(await agent.get('/'))).toMatch(/You are Alice.* Log out|Log out.* You are Alice/)
    expect((await agent.get('/chat.js')).status).toBe(200)
  })

  it('a browser is let in by its session, from a page of the application', async () => {
    const { cookie } = await logIn()
    const alice = await opened({ cookie, origin: url })
    await until(() => alice.heard.length === 1, 'alice receives her own arrival')
    alice.socket.send('hello')
    await until(() => alice.heard.length === 2, 'alice receives her own message')
    const name = String(alice.heard[0]?.text).replace(' is here', '')
    expect(name).toMatch(/^Alice/)
    expect(alice.heard[1]).toEqual({ from: name, text: 'hello' })
  })

  it('a browser without a login gets 401', async () => {
    await refused({ origin: url }, 401, 'login_required')
    await refused({ origin: url, cookie: 'chat.sid=s%3Aforged.signature' }, 401, 'login_required')
  })

  it.each([
    { origin: 'https://elsewhere.example' },
    { origin: 'http://localhost:1' },
    { origin: 'null' },
    { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' },
  ] as Record<string, string>[])('a browser on a page of another origin gets 403: %j', async (headers) => {
    const { agent, cookie } = await logIn()
    await refused({ cookie, ...headers }, 403, 'cross_site_request')
    // The login is not affected.
    expect(getHeading(await agent.get('/'))).toMatch(/^You are Alice/)
  })

  it('a browser gets 401 once it has logged out', async () => {
    const { agent, cookie } = await logIn()
    await agent.submit(await agent.get('/'), { button: 'Log out' })
    await refused({ cookie, origin: url }, 401, 'login_required')
  })
})

describe('a client other than a browser', () => {
  it('a client is let in by its access token, and its messages carry its subject', async () => {
    const { cookie } = await logIn()
    const alice = await opened({ cookie, origin: url })
    const bob = await opened({ authorization: await token() })
    bob.socket.send('hi')
    await until(() => alice.heard.some(({ from }) => from === 'bob'), "alice receives bob's message")
    expect(alice.heard.slice(-2)).toEqual([{ text: 'bob is here' }, { from: 'bob', text: 'hi' }])
  })

  it('a client with a token is let in from any origin, because no page can send its token', async () => {
    await opened({ authorization: await token(), origin: 'https://elsewhere.example' })
  })

  it.each([
    ['an expired token', () => token({ exp: 1 }), 401, 'token_invalid', 'error="invalid_token"'],
    ['a token for another audience', () => token({ aud: 'account' }), 401, 'token_invalid', 'error="invalid_token"'],
    ['an empty token', () => 'Bearer', 400, 'request_invalid', 'error="invalid_request"'],
  ] as [string, () => string | Promise<string>, number, string, string][])(
    'a client with %s is rejected with a challenge, even beside a valid session',
    async (_what, make, status, code, challenge) => {
      const { cookie } = await logIn()
      const authorization = await make()
      for (const headers of [{ authorization }, { authorization, cookie, origin: url }]) {
        const answer = await refused(headers, status, code)
        expect(answer.headers['www-authenticate']).toContain(`Bearer realm="chat", ${challenge}`)
        expect(answer.headers['www-authenticate']).toContain(
          `resource_metadata="${url}/.well-known/oauth-protected-resource"`,
        )
      }
    },
  )

  it('a client with a token in the URL is rejected', async () => {
    const bare = (await token()).slice(7)
    await refused({ authorization: `Bearer ${bare}` }, 400, 'request_invalid', `/chat?access_token=${bare}`)
    await refused({}, 401, 'login_required', `/chat?access_token=${bare}`)
  })

  it('a client is disconnected when its token expires', async () => {
    const client = await opened({ authorization: await token({ exp: Math.floor(Date.now() / 1000) + 1 }) })
    const code = await new Promise((resolve) => client.socket.on('close', resolve))
    expect(code).toBe(4401)
  })
})

describe('an upgrade', () => {
  it.each(['/other', '/', '//', '/chat/', '//chat', '/%63hat'])(
    'an upgrade at another path gets 404: %s',
    async (path) => {
      await refused({ authorization: await token() }, 404, undefined, path)
    },
  )

  it('an upgrade gets 503 while the keys are unavailable', async () => {
    const authorization = await token()
    await provider.stop()
    const answer = await refused({ authorization }, 503, 'provider_unavailable')
    expect(answer.headers['retry-after']).toMatch(/^[1-9]/)
  })

  it('an upgrade gets 503 while the session store is down', async () => {
    const { cookie } = await logIn()
    const down = vi.spyOn(store, 'get').mockImplementation((_sid, done) => done(new Error('down')))
    const answer = await refused({ cookie, origin: url }, 503)
    expect(answer.headers['retry-after']).toMatch(/^[1-9]/)
    down.mockRestore()
    await opened({ cookie, origin: url })
  })

  it('an upgrade to another protocol gets 400', async () => {
    const authorization = await token()
    const status = await new Promise((resolve, reject) => {
      const headers = { connection: 'Upgrade', upgrade: 'other', authorization }
      const sent = request(`${url}/chat`, { headers, agent: false })
      sent.on('response', (response) => resolve(response.resume().statusCode))
      sent.on('error', reject).end()
    })
    expect(status).toBe(400)
  })
})
