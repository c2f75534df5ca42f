/** The processes of a run. They end with the run, even if it fails. */
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createClient } from 'redis'

/** @type {(() => void | Promise<void>)[]} */
const stops = []

export async function stopAll() {
  for (const stop of stops.splice(0).toReversed()) await stop()
}

async function freePort() {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  server.close()
  await once(server, 'close')
  return port
}

/** Starts a redis-server for the run, without persistence, and a client for the bench's own commands. */
export async function startRedis() {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'bench-redis-'))
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  const child = spawn('redis-server', args, { stdio: 'ignore' })
  const url = `redis://127.0.0.1:${port}`
  const client = createClient({ url, commandOptions: { timeout: 600_000 }, socket: { reconnectStrategy: 25 } })
  client.on('error', () => {})
  stops.push(async () => {
    client.destroy()
    if (child.kill('SIGKILL')) await once(child, 'exit')
    rmSync(folder, { recursive: true, force: true })
  })
  const missing = once(child, 'error').then(([cause]) => {
    throw new Error('the bench needs a redis-server on the PATH (Debian: redis-server)', { cause })
  })
  await Promise.race([client.connect(), missing])
  return { url, client }
}

/**
 * Starts a Node process of the bench. `call` sends it a command and waits for the answer.
 *
 * @param {string} file
 * @param {string[]} [args]
 * @param {object} [first] the first message that it gets
 */
export async function startProcess(file, args = [], first) {
  const child = fork(join(import.meta.dirname, file), args, { env: { ...process.env, NODE_ENV: 'production' } })
  const ended = once(child, 'exit')
  stops.push(async () => {
    if (child.connected) child.disconnect()
    await Promise.race([ended, pause(5000, undefined, { ref: false }).then(() => child.kill('SIGKILL'))])
  })
  if (first) child.send(first)
  const failed = ended.then(([code]) => {
    throw new Error(`${file} ${args.join(' ')} ended with ${code}`)
  })
  failed.catch(() => {})
  const [ready] = await Promise.race([once(child, 'message'), failed])

  let calls = 0
  /** @type {Map<number, (answer: any) => void>} */
  const waiting = new Map()
  child.on('message', (/** @type {{ id: number, answer: unknown }} */ { id, answer }) => {
    waiting.get(id)?.(answer)
    waiting.delete(id)
  })
  return {
    ready,
    /** @param {string} command @param {object} [argument] @returns {Promise<any>} */
    call(command, argument) {
      const id = ++calls
      child.send({ id, command, argument })
      return Promise.race([new Promise((resolve) => waiting.set(id, resolve)), failed])
    },
  }
}
