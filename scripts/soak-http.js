/**
 * A small HTTP/1.1 client for the soak run. It supports only kept-alive connections, and small responses with a
 * Content-Length. Node's own client would use more processor time than the servers under test.
 */
import { once } from 'node:events'
import { connect } from 'node:net'

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {string | undefined} location
 * @property {string[]} cookies each `Set-Cookie`
 * @property {string} body
 */

/** @typedef {import('node:net').Socket} Socket */

/** Connections to one server, as many as there are concurrent requests. */
export class Connections {
  /** @type {Socket[]} */
  #idle = []
  #port
  #hostname
  #host

  /** @param {string} origin */
  constructor(origin) {
    const { port, hostname, host } = new URL(origin)
    this.#port = Number(port)
    this.#hostname = hostname
    this.#host = host
  }

  /**
   * @param {'GET' | 'POST'} method
   * @param {string} path
   * @param {{ cookie?: string, accept?: string }} headers
   * @returns {Promise<Answer>}
   */
  async request(method, path, { cookie = '', accept = 'text/html' }) {
    const kept = this.#idle.pop()
    const socket = kept ?? (await this.#open())
    const lines = [
      `${method} ${path} HTTP/1.1`,
      `Host: ${this.#host}`,
      `Accept: ${accept}`,
      'Sec-Fetch-Site: same-origin',
      ...(method === 'POST' ? ['Content-Length: 0'] : []),
      ...(cookie === '' ? [] : [`Cookie: ${cookie}`]),
    ]
    socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
    const answer = await getAnswer(socket)
    // RFC 9112 9.3.1: a server may close a kept-alive connection at the moment when a request is sent.
    if (answer === 'closed') {
      if (kept) return await this.request(method, path, { cookie, accept })
      throw new Error(`${this.#host} closed a connection without an answer`)
    }
    this.#idle.push(socket)
    return answer
  }

  async #open() {
    const socket = connect({ port: this.#port, host: this.#hostname, noDelay: true })
    await once(socket, 'connect')
    socket.setEncoding('utf8')
    // Servers close connections that are idle for long.
    socket.on('close', () => (this.#idle = this.#idle.filter((other) => other !== socket)))
    socket.on('error', () => {})
    return socket
  }

  close() {
    for (const socket of this.#idle) socket.destroy()
    this.#idle = []
  }
}

/** @param {Socket} socket @returns {Promise<Answer | 'closed'>} */
function getAnswer(socket) {
  return new Promise((resolve, reject) => {
    let text = ''
    /** @param {() => void} settle */
    const finish = (settle) => {
      socket.off('data', onData).off('close', onClose)
      settle()
    }
    const onData = (/** @type {string} */ chunk) => {
      text += chunk
      const head = text.indexOf('\r\n\r\n')
      if (head < 0) return
      const answer = readHead(text.slice(0, head))
      const body = text.slice(head + 4)
      if (Buffer.byteLength(body) >= answer.length) finish(() => resolve({ ...answer, body }))
    }
    const onClose = () =>
      finish(() => (text === '' ? resolve('closed') : reject(new Error('a connection was closed within an answer'))))
    socket.on('data', onData).on('close', onClose)
    if (socket.destroyed) onClose()
  })
}

/** @param {string} head */
function readHead(head) {
  const lines = head.split('\r\n')
  /** @type {string | undefined} */
  let location
  /** @type {string[]} */
  const cookies = []
  let length = 0
  for (const line of lines) {
    const colon = line.indexOf(': ')
    const name = line.slice(0, colon).toLowerCase()
    if (name === 'location') location = line.slice(colon + 2)
    else if (name === 'set-cookie') cookies.push(line.slice(colon + 2))
    else if (name === 'content-length') length = Number(line.slice(colon + 2))
    else if (name === 'transfer-encoding') throw new Error('an answer without a Content-Length')
  }
  return { status: Number(lines[0]?.split(' ')[1]), location, cookies, length }
}
