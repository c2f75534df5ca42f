import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { freePort, startRedisServer } from './redis-server.ts'

export interface OwnRedis {
  readonly url: string
  /** Stops answering, with all connections open, until `resume()`. */
  pause(): void
  resume(): void
}

/**
 * A redis-server for one file alone, to do to it what the others could not bear. Undefined, with a notice, where the
 * machine has none: top-level await it, and pass the outcome to `describe.skipIf`.
 */
export async function ownRedis(what: string, args: string[] = []): Promise<OwnRedis | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-'))
  const port = await freePort()
  const server: ChildProcess | undefined = await startRedisServer(port, ['--dir', folder, ...args])
  if (!server) {
    await rm(folder, { recursive: true })
    console.warn(`notice: skipped for want of a redis-server on the PATH: ${what}`)
    return undefined
  }
  afterAll(async () => {
    const gone = new Promise((resolve) => server.once('exit', resolve))
    server.kill('SIGKILL')
    await gone
    await rm(folder, { recursive: true, force: true })
  })
  return {
    url: `redis://127.0.0.1:${port}`,
    pause: () => void server.kill('SIGSTOP'),
    resume: () => void server.kill('SIGCONT'),
  }
}
