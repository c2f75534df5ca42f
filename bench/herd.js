/** Many concurrent callers, each on its own connection, which is opened before the first request. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { makeRequest } from './load.js'

/**
 * @typedef {object} Reply
 * @property {number} status
 * @property {string} body
 * @property {number} ms from the common start to the end of this response
 */

/** @param {readonly string[]} urls @param {number} each callers for each URL @param {string | undefined} cookie @param {string} path @returns {Promise<Reply[]>} */
export async function herd(urls, each, cookie, path) {
  const callers = await Promise.all(
    urls.flatMap((url) => Array.from({ length: each }, () => openCaller(url, makeRequest(url, cookie, path)))),
  )
  const begin = performance.now()
  return await Promise.all(callers.map((call) => call(begin)))
}

/** @param {string} url @param {Buffer} request */
async function openCaller(url, request) {
  const { port, hostname } = new URL(url)
  const socket = connect({ port: Number(port), host: hostname, noDelay: true })
  await once(socket, 'connect')
  socket.setEncoding('latin1')
  /** @param {number} begin @returns {Promise<Reply>} */
  return (begin) =>
    new Promise((resolve, reject) => {
      let text = ''
      socket.on('error', reject)
      socket.on('close', () => reject(new Error(`the server closed a connection: ${text}`)))
      socket.on('data', (/** @type {string} */ chunk) => {
        text += chunk
        const head = text.indexOf('\r\n\r\n')
        if (head < 0 || text.length < head + 4 + Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)) return
        const ms = performance.now() - begin
        resolve({ status: Number(text.slice(9, 12)), body: text.slice(head + 4), ms })
        socket.destroy()
      })
      socket.write(request)
    })
}
