/** Redis servers of a spec, each a process of its own on a free port. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'
import { freePort } from '../../support/redis-server.ts'

export interface Server {
  readonly port: number
  /** Sends a command, over a connection of its own. */
  ask(...words: string[]): Promise<unknown>
  kill(): Promise<void>
  /** Stops it in the middle of what it does, until it goes on. */
  freeze(): void
  goOn(): void
}

/**
 * Whether the machine lacks what starts the servers of a spec, which is told then: pass it to `describe.skipIf`. On CI it
 * lacks nothing, and what cannot be started fails.
 */
export function lacksServers(what: string): boolean {
  const { stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
  const major = Number(/v=(\d+)\./.exec(stdout ?? '')?.[1] ?? 0)
  if (major >= 7 || process.env['CI']) return false
  console.warn(`notice: skipped for want of a redis-server 7 on the PATH: ${what}`)
  return true
}

/** Starts a `redis-server` with these lines in its configuration, and waits until it answers. */
export async function startServer(lines: readonly string[], isSentinel = false): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-'))
  const port = await freePort()
  const file = join(folder, 'redis.conf')
  const common = [`port ${port}`, 'bind 127.0.0.1', 'protected-mode no', `dir ${folder}`]
  await writeFile(file, [...common, ...(isSentinel ? [] : ['save ""']), ...lines].join('\n'))
  const child = spawn('redis-server', [file, ...(isSentinel ? ['--sentinel'] : [])], { stdio: 'ignore' })
  const ask = async (...words: string[]): Promise<unknown> => {
    const client = createClient({
      RESP: 2,
      url: `redis://127.0.0.1:${port}`,
      socket: { reconnectStrategy: (n) => n < 200 && 25 },
    })
    client.on('error', () => {})
    await client.connect()
    try {
      return await client.sendCommand(words)
    } finally {
      client.destroy()
    }
  }
  await ask('PING')
  return {
    port,
    ask,
    async kill() {
      await ended(child)
      await rm(folder, { recursive: true, force: true })
    },
    freeze: () => void child.kill('SIGSTOP'),
    goOn: () => void child.kill('SIGCONT'),
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
