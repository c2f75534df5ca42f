/** A Redis for one file alone, which can fail in several ways and recover. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll } from 'vitest'
import { ownRedis } from './own-redis.ts'
import { reservePort } from './ports.ts'
import type { RedisProcess } from './redis-process.ts'

/** `command()` bypasses the line. */
export interface FaultRedis extends RedisProcess {
  /** The URL of the same server through a line that can be cut and slowed down. */
  readonly lineUrl: string
  /** Cuts the line's connections and refuses new ones. */
  cut(): Promise<void>
  mend(): Promise<void>
  /** Delays every answer on the line by this many milliseconds. */
  delay(ms: number): void
}

/** Undefined, with a notice, if the machine has no redis-server. Use top-level await. `lines` go into its configuration. */
export async function faultRedis(what: string, lines: readonly string[] = []): Promise<FaultRedis | undefined> {
  // Every answered write is in the file: a killed process loses nothing that the kernel has.
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

/** Opens a port that forwards everything to another. */
async function openLine(to: number): Promise<Line> {
  const sockets = new Set<Socket>()
  let delayMs = 0
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1')
    let sent = Promise.resolve()
    near.pipe(far)
    far.on('data', (answer: Buffer) => {
      // Keeps the order, even if the line has become faster meanwhile.
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
