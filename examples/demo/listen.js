import { once } from 'node:events'
import { connect } from 'node:net'
import { EnvironmentError } from './environment.js'

/**
 * Listens on loopback only.
 *
 * @param {import('node:http').Server} server
 * @param {number} port 0 for a free one
 * @returns {Promise<number>} the port
 */
export async function listen(server, port) {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server listens on no port.')
  return address.port
}

/**
 * Listens on loopback: on `wanted` if that is given, otherwise on port 3000, or on a free port if 3000 is taken.
 *
 * @param {import('node:http').Server} server
 * @param {number | undefined} wanted
 * @returns {Promise<number>} the port
 * @throws {EnvironmentError} if `wanted` cannot be used
 */
export async function openPort(server, wanted) {
  const port = wanted ?? 3000
  if (await isTaken(port)) {
    if (wanted !== undefined) throw new EnvironmentError(`PORT ${wanted} is taken: set another port, or 0 for any.`)
    return listen(server, 0)
  }
  try {
    return await listen(server, port)
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error)
    throw new EnvironmentError(`Port ${port} cannot be used (${code}): set another port as PORT.`)
  }
}

/**
 * Whether a server answers at an address that browsers try for `localhost`. Browsers may try `::1` first: a server there
 * does not prevent listening on 127.0.0.1, but would receive the requests.
 *
 * @param {number} port
 */
async function isTaken(port) {
  if (port === 0) return false
  const answers = await Promise.all(['127.0.0.1', '::1'].map((host) => accepts(host, port)))
  return answers.includes(true)
}

/**
 * @param {string} host
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function accepts(host, port) {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 })
    const done = (/** @type {boolean} */ answer) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => done(true))
    socket.once('timeout', () => done(false))
    socket.once('error', () => done(false))
  })
}
