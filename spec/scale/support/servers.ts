/** Redis servers of a spec, each a process of its own. */
import { spawnSync } from 'node:child_process'
import { startRedis, type RedisProcess } from '../../support/redis-process.ts'

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

/** Starts a server with these lines in its configuration, where the machine does not lack it. */
export async function startServer(lines: readonly string[], isSentinel = false): Promise<RedisProcess> {
  const server = await startRedis(lines, isSentinel)
  if (!server) throw new Error('no redis-server on the PATH')
  return server
}
