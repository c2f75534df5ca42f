import { afterAll } from 'vitest'
import { startRedis, type RedisProcess } from './redis-process.ts'

/**
 * A redis-server for one file alone, to do to it what the others could not bear. Undefined, with a notice, where the
 * machine has none: top-level await it, and pass the outcome to `describe.skipIf`. `lines` are of its configuration.
 */
export async function ownRedis(what: string, lines: readonly string[] = []): Promise<RedisProcess | undefined> {
  const server = await startRedis(lines)
  if (!server) {
    console.warn(`notice: skipped for want of a redis-server on the PATH: ${what}`)
    return undefined
  }
  afterAll(() => server.stop())
  return server
}
