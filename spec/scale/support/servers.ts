/** Redis servers for a spec, each in a process of its own. */
import { spawnSync } from 'node:child_process'
import { startRedis, type RedisProcess } from '../../support/redis-process.ts'

/**
 * Whether the machine lacks the servers for a spec; prints a notice then. Pass the result to `describe.skipIf`. On CI it
 * returns false, so that a missing server fails the spec.
 */
export function lacksServers(what: string): boolean {
  const { stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' })
  const major = Number(/v=(\d+)\./.exec(stdout ?? '')?.[1] ?? 0)
  if (major >= 7 || process.env['CI']) return false
  console.warn(`notice: skipped, no redis-server 7 on the PATH: ${what}`)
  return true
}

/** Starts a server with these configuration lines. */
export async function startServer(lines: readonly string[], isSentinel = false): Promise<RedisProcess> {
  const server = await startRedis(lines, isSentinel)
  if (!server) throw new Error('no redis-server on the PATH')
  return server
}
