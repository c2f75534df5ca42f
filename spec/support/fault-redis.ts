/** A Redis for one file alone that goes away in every way, and comes back. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll } from 'vitest'
import { ownRedis } from './own-redis.ts'
import { reservePort } from './ports.ts'
import type { RedisProcess } from './redis-process.ts'

/** Its commands go past the line. */
export interface FaultRedis extends RedisProcess {
  /** The same server by way of a line that can be cut and slow. */
  readonly lineUrl: string
  /** Cuts the line's connections and refuses new ones. */
  cut(): Promise<void>
  mend(): Promise<void>
  /** Every answer takes so long on the line, in milliseconds. */
  delay(ms: number): void
}

/** Undefined, with a notice, where the machine has no redis-server: top-level await it. `lines` are of its configuration. */
export async function faultRedis(what: string, lines: readonly string[] = []): Promise<FaultRedis | undefined> {
  // What was answered is in the file: a process that is killed loses nothing that the kernel has.
  const server = await ownRedis(what, ['appendonly yes', ...lines])
  if (!server) return undefined
  const line = await openLine(server.port)
  afterAll(line.cut)
  return { ...server, lineUrl: `redis://127.0.0.1:${line.port}`, cut: line.cut, mend: line.mend, delay: line.delay }
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
  const port = await reservePort()
  const mend = async (): Promise<void> => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
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
