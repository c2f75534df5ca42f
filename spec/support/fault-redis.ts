/** A Redis for one file alone that goes away in every way, and comes back. */
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createClient } from 'redis'
import { afterAll } from 'vitest'
import { freePort, startRedisServer } from './redis-server.ts'

export interface FaultRedis {
  /** Where it is. */
  readonly url: string
  /** The same by way of a line that can be cut and slow. */
  readonly lineUrl: string
  /** SIGKILL. */
  kill(): Promise<void>
  /** Starts it again on the same port, with the data that it had. */
  restart(): Promise<void>
  /** Stops answering, with all connections open. */
  pause(): void
  resume(): void
  /** Cuts the line's connections and refuses new ones. */
  cut(): Promise<void>
  mend(): Promise<void>
  /** Every answer takes so long on the line, in milliseconds. */
  delay(ms: number): void
  /** Sends a command past the line. */
  command(...words: string[]): Promise<unknown>
}

/** Undefined, with a notice, where the machine has no redis-server: top-level await it. `args` are more of the server's. */
export async function faultRedis(what: string, args: string[] = []): Promise<FaultRedis | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-'))
  const port = await freePort()
  // What was answered is in the file: a process that is killed loses nothing that the kernel has.
  const start = (): Promise<ChildProcess | undefined> =>
    startRedisServer(port, ['--dir', folder, '--appendonly', 'yes', ...args])
  let server = await start()
  if (!server) {
    await rm(folder, { recursive: true })
    console.warn(`notice: skipped for want of a redis-server on the PATH: ${what}`)
    return undefined
  }
  const url = `redis://127.0.0.1:${port}`
  const line = await openLine(port)
  const kill = async (): Promise<void> => {
    if (server?.signalCode === 'SIGKILL') return
    const gone = new Promise((resolve) => server?.once('exit', resolve))
    server?.kill('SIGKILL')
    await gone
  }
  afterAll(async () => {
    await line.cut()
    await kill()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    url,
    lineUrl: `redis://127.0.0.1:${line.port}`,
    kill,
    async restart() {
      server = await start()
    },
    pause: () => void server?.kill('SIGSTOP'),
    resume: () => void server?.kill('SIGCONT'),
    cut: line.cut,
    mend: line.mend,
    delay: line.delay,
    async command(...words) {
      const client = createClient({ url })
      await client.connect()
      try {
        return await client.sendCommand(words)
      } finally {
        client.destroy()
      }
    },
  }
}

interface Line {
  readonly port: number
  readonly cut: () => Promise<void>
  readonly mend: () => Promise<void>
  readonly delay: (ms: number) => void
}

/** A port that hands everything on to another. */
async function openLine(to: number): Promise<Line> {
  const sockets = new Set<Socket>()
  let delayMs = 0
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    let sent = Promise.resolve()
    near.pipe(far)
    far.on('data', (answer: Buffer) => {
      // In order, also where the line has become faster meanwhile.
      sent = Promise.all([sent, wait(delayMs)]).then(() => void near.write(answer))
    })
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  })
  const port = await freePort()
  const mend = (): Promise<void> => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  await mend()
  return {
    port,
    mend,
    async cut() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
    delay: (ms) => void (delayMs = ms),
  }
}
