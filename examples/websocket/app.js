/** A chat over a WebSocket. Browsers are authorized by their session, other clients by an access token. */
import { randomBytes } from 'node:crypto'
import { STATUS_CODES, ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import express from 'express'
import session from 'express-session'
import { createOidc, OidcError } from 'express-session-oidc'
import { WebSocketServer } from 'ws'
import { chatPage } from './page.js'

/** The path of the WebSocket. */
const path = '/chat'
/** A connection is authorized only when it opens. It closes after this time, because its login may have ended by then. */
const longestSeconds = 900

/**
 * @typedef {(req: import('node:http').IncomingMessage, socket: import('node:stream').Duplex, head: Buffer) => void} Upgrade
 *
 * @param {object} options
 * @param {string} options.baseUrl where browsers reach it
 * @param {{ issuer: string, clientId: string, clientSecret?: string }} options.provider
 * @param {import('express-session').Store} [options.store] default: express-session's own, in memory
 * @param {string} [options.secret] at least 32 characters; default: a new one at each start
 * @returns {{ app: import('express').Express, upgrade: Upgrade, close: () => void }} `upgrade` handles that server event
 */
export function createApp({ baseUrl, provider, store, secret = randomBytes(32).toString('hex') }) {
  const oidc = createOidc({ ...provider, baseUrl, secret, bearer: { audience: 'chat' } })
  const runSession = session({
    ...(store && { store }),
    // With this prefix, no other host of the domain can set the cookie. It requires https, the path / and no domain.
    name: baseUrl.startsWith('https:') ? '__Host-chat.sid' : 'chat.sid',
    secret,
    resave: false,
    saveUninitialized: false,
    cookie: { secure: baseUrl.startsWith('https:'), sameSite: 'lax' },
  })

  const app = express()
  app.use(express.static(fileURLToPath(new URL('../demo/public', import.meta.url)), { index: false }))
  app.use(express.static(fileURLToPath(new URL('public', import.meta.url)), { index: false }))
  app.use(runSession)
  app.use(oidc.router)
  app.get('/', (req, res) => {
    const { user } = oidc.context(req)
    res.set('Cache-Control', 'no-store')
    res.send(chatPage({ name: user && getName(user), paths: oidc.paths, socket: path }))
  })
  app.use(oidc.errorHandler())

  const chat = new WebSocketServer({ noServer: true, maxPayload: 4096 })

  /** @param {import('express').Request} req */
  async function admit(req) {
    // An upgrade does not go through Express, so the session middleware is called here. This response is never sent.
    const unused = /** @type {import('express').Response} */ (/** @type {unknown} */ (new ServerResponse(req)))
    await new Promise((resolve, reject) => {
      void runSession(req, unused, (error) => (error ? reject(error) : resolve(undefined)))
    })
    // This also refuses upgrades from pages of other origins. Browsers send the cookie with them, but also the origin.
    return oidc.authorize(req, { bearer: true })
  }

  /** @type {Upgrade} */
  function upgrade(incoming, socket, head) {
    const gone = () => socket.destroy()
    socket.on('error', gone)
    const req = /** @type {import('express').Request} */ (incoming)
    if (incoming.url?.split('?', 1)[0] !== path) return refuse(socket, { status: 404 })
    admit(req).then(
      (outcome) => {
        if (!outcome.ok) return refuse(socket, outcome)
        socket.off('error', gone)
        const { user, auth } = outcome
        chat.handleUpgrade(incoming, socket, head, (client) => {
          const left = Number(auth?.claims['exp'] ?? Infinity) - Date.now() / 1000
          join(client, user ? getName(user) : (auth?.sub ?? 'somebody'), Math.min(longestSeconds, left))
        })
      },
      (error) => {
        // The session store is down: the client can try again, and nobody is logged out.
        const fault = error instanceof OidcError ? error : { status: 503, headers: { 'Retry-After': '5' } }
        refuse(socket, fault)
      },
    )
  }

  /**
   * @param {import('ws').WebSocket} client
   * @param {string} name
   * @param {number} seconds
   */
  function join(client, name, seconds) {
    const timer = setTimeout(() => client.close(4401, 'authorize again'), Math.max(0, seconds) * 1000)
    client.on('close', () => clearTimeout(timer))
    client.on('error', () => client.terminate())
    client.on('message', (/** @type {Buffer} */ text) => tell({ from: name, text: text.toString() }))
    tell({ text: `${name} is here` })
  }

  /** @param {{ from?: string, text: string }} message */
  function tell(message) {
    for (const client of chat.clients) client.send(JSON.stringify(message))
  }

  return {
    app,
    upgrade,
    close() {
      for (const client of chat.clients) client.terminate()
      chat.close()
    },
  }
}

/**
 * Answers a refused upgrade with an HTTP response and the headers that give the reason, and closes the connection.
 *
 * @param {import('node:stream').Duplex} socket
 * @param {{ status: number, code?: string, headers?: Readonly<Record<string, string>> }} refusal
 */
function refuse(socket, { status, code, headers = {} }) {
  const title = STATUS_CODES[status] ?? ''
  const body = JSON.stringify({ title, status, code })
  const lines = [
    `HTTP/1.1 ${status} ${title}`,
    'Connection: close',
    'Cache-Control: no-store',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ]
  socket.once('finish', () => socket.destroy())
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
}

/** @param {{ sub: string, name?: string | undefined }} user */
function getName({ sub, name }) {
  return name ?? sub
}
