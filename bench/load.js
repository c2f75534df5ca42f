/**
 * Load from this process: each connection sends its next request when the response has arrived. It was written for this
 * bench, because with two processors a generator as heavy as the servers would measure itself.
 */
import { once } from 'node:events'
import { connect } from 'node:net'

/**
 * @typedef {object} Target
 * @property {string} url
 * @property {readonly Buffer[]} requests sent in turn
 * @property {string | readonly string[]} body expected response body, for all requests or for each of them
 */

export const connections = 16

/** The number of requests after which V8 has compiled the code that is measured. */
export const warmUp = { count: 10_000, seconds: 30 }

/** A `GET` request as a browser sends it. @param {string} url @param {string | undefined} cookie @param {string} [path] */
export function makeRequest(url, cookie, path = '/me') {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${new URL(url).host}`,
    'Connection: keep-alive',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'Sec-Fetch-Site: same-origin',
    'Sec-Fetch-Mode: navigate',
    'Sec-Fetch-Dest: document',
    'Accept-Encoding: gzip, deflate, br',
    'Accept-Language: en-GB,en;q=0.9',
    ...(cookie ? [`Cookie: ${cookie}`] : []),
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

/**
 * Sends requests for some seconds, or a number of requests; throws at the first wrong response.
 *
 * @param {Target} target
 * @param {{ seconds?: number, count?: number }} until
 */
export async function load({ url, requests, body }, { seconds = 600, count = Infinity }) {
  const { port, hostname } = new URL(url)
  const sockets = await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect({ port: Number(port), host: hostname, noDelay: true })
      await once(socket, 'connect')
      return socket
    }),
  )
  let sent = 0
  let bytes = 0
  const begin = performance.now()
  const end = begin + seconds * 1000
  const answers = sockets.map((socket) =>
    converse(socket, (answerBytes) => {
      bytes += answerBytes
      if (sent >= count || performance.now() >= end) return undefined
      const which = sent++ % requests.length
      return { request: requests[which], body: typeof body === 'string' ? body : body[which] }
    }),
  )
  try {
    await Promise.all(answers)
  } finally {
    for (const socket of sockets) socket.destroy()
  }
  const elapsed = (performance.now() - begin) / 1000
  return { count: sent, perSecond: sent / elapsed, bytesEach: bytes / sent }
}

/**
 * Sends requests on one connection until `next` returns none.
 *
 * @param {import('node:net').Socket} socket
 * @param {(answerBytes: number) => { request: Buffer, body: string } | undefined} next
 * @returns {Promise<void>}
 */
function converse(socket, next) {
  return new Promise((resolve, reject) => {
    let text = ''
    let body = ''
    /** @param {number} answerBytes */
    const proceed = (answerBytes) => {
      const sending = next(answerBytes)
      if (!sending) return resolve()
      body = sending.body
      socket.write(sending.request)
    }
    socket.setEncoding('latin1')
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the server closed a connection')))
    socket.on('data', (/** @type {string} */ chunk) => {
      text += chunk
      const head = text.indexOf('\r\n\r\n')
      if (head < 0) return
      const total = head + 4 + Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
      if (text.length < total) return
      if (!text.startsWith('HTTP/1.1 200 ') || text.slice(head + 4) !== body) {
        reject(new Error(`wrong response: ${text.slice(0, 500)}`))
        return
      }
      text = ''
      proceed(total)
    })
    proceed(0)
  })
}
