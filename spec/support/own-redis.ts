import { afterAll } from 'vitest'
import { startRedis, type RedisProcess } from './redis-process.ts'

/**
 * A redis-server for one file alone, for actions that would disturb other files. Undefined, with a notice, if the machine
 * has none. Use top-level await, and pass the result to `describe.skipIf`. `lines` go into its configuration.
 */
export async function ownRedis(what: string, lines: readonly string[] = []): Promise<RedisProcess | undefined> {
  const server = await startRedis(lines)
  if (!server) {
    console.warn(`notice: skipped because no redis-server is on the PATH: ${what}`)
    return undefined
  }
  afterAll(() => server.stop())
  return server
}
