/** A `redis-server` in its own process. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createClient } from 'redis'
import { reservePort } from './ports.ts'

export interface RedisProcess {
  readonly port: number
  readonly url: string
  /** Sends a command over a separate connection. */
  command(...words: string[]): Promise<unknown>
  /** Stops answering, with all connections open, until `resume()`. */
  pause(): void
  resume(): void
  /** SIGKILL; resolves once the process is gone. */
  kill(): Promise<void>
  /** Starts it again on the same port, with the data in its files. */
  restart(): Promise<void>
  /** Kills it and removes its files. */
  stop(): Promise<void>
}

/** How long another process may hold the port of a server that restarts, in milliseconds. */
const patience = 10_000

/**
 * Starts a server with these lines in its configuration, by default without persistence, and waits until it answers.
 * Undefined if the machine has no `redis-server`.
 */
export async function startRedis(lines: readonly string[] = [], isSentinel = false): Promise<RedisProcess | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-'))
  const file = join(folder, 'redis.conf')
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  const configure = async (port: number): Promise<void> => {
    const common = [`port ${port}`, 'bind 127.0.0.1', 'protected-mode no', `dir ${folder}`]
    await writeFile(file, [...common, ...(isSentinel ? [] : ['save ""']), ...lines].join('\n'))
  }

  let port: number
  let child: ChildProcess | 'missing' | 'port taken'
  do {
    port = await reservePort()
    await configure(port)
    child = await launch(file, port, isSentinel)
  } while (child === 'port taken')
  if (child === 'missing') {
    await remove()
    return undefined
  }

  let server: ChildProcess = child
  const kill = async (): Promise<void> => {
    if (hasEnded(server)) return
    server.kill('SIGKILL')
    await once(server, 'exit')
  }
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    command: (...words) => send(port, words, patience),
    pause: () => void server.kill('SIGSTOP'),
    resume: () => void server.kill('SIGCONT'),
    kill,
    async restart() {
      const latest = performance.now() + patience
      for (;;) {
        const next = await launch(file, port, isSentinel)
        if (typeof next === 'object') {
          server = next
          return
        }
        if (performance.now() > latest) throw new Error(`cannot restart the redis-server on port ${port}: ${next}`)
        await pause(100)
      }
    },
    async stop() {
      await kill()
      await remove()
    },
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

async function launch(
  file: string,
  port: number,
  isSentinel: boolean,
): Promise<ChildProcess | 'missing' | 'port taken'> {
  const child = spawn('redis-server', [file, ...(isSentinel ? ['--sentinel'] : [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-4000)))
  }
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  try {
    await once(child, 'spawn')
  } catch {
    return 'missing'
  }
  while (!hasEnded(child)) {
    if (await Promise.race([isAnswering(child, port), closed])) return child
    await pause(10)
  }
  await closed
  if (/bind: |listening on port/i.test(output)) return 'port taken'
  throw new Error(`a redis-server ended with ${child.exitCode ?? child.signalCode}:\n${output}`)
}

/** Whether this process answers on the port and has read its files; it accepts connections before that. */
async function isAnswering(child: ChildProcess, port: number): Promise<boolean> {
  try {
    const info = String(await send(port, ['INFO', 'server']))
    if (!info.includes(`process_id:${child.pid}\r\n`)) return false
    await send(port, ['PING'])
    return true
  } catch {
    return false
  }
}

/** Sends a command. Tries to connect for this many milliseconds, or by default once, with timeouts of 2 s. */
async function send(port: number, words: readonly string[], milliseconds = 0): Promise<unknown> {
  const latest = performance.now() + milliseconds
  const client = createClient({
    RESP: 2,
    url: `redis://127.0.0.1:${port}`,
    socket: {
      connectTimeout: 2000,
      reconnectStrategy: () => performance.now() < latest && 25,
      ...(milliseconds === 0 ? { socketTimeout: 2000 } : {}),
    },
  })
  client.on('error', () => {})
  try {
    await client.connect()
    return await client.sendCommand([...words])
  } finally {
    client.destroy()
  }
}
