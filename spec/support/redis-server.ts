/**
 * The Redis for tests: REDIS_URL if it is set, else a `redis-server` on a free port, else the stand-in in JavaScript, with
 * a notice. CI accepts only a real Redis.
 */
import type { TestProject } from 'vitest/node'
import { startRedis } from './redis-process.ts'

declare module 'vitest' {
  interface ProvidedContext {
    redisUrl: string
    redisIsReal: boolean
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['REDIS_URL']
  if (given) {
    project.provide('redisUrl', given)
    project.provide('redisIsReal', true)
    return async () => {}
  }
  const own = await startRedis()
  if (own) {
    project.provide('redisUrl', own.url)
    project.provide('redisIsReal', true)
    return () => own.stop()
  }
  if (process.env['CI']) {
    throw new Error(
      'no redis-server on the PATH: install it (Debian: redis-server) or set REDIS_URL; CI takes no other',
    )
  }
  console.warn(
    'notice: no redis-server on the PATH and no REDIS_URL: the tests run on the stand-in of spec/support/redis-stand-in.ts',
  )
  // Imported only here, because its Lua takes a while to load.
  const { startRedisStandIn } = await import('./redis-stand-in.ts')
  const standIn = await startRedisStandIn()
  project.provide('redisUrl', standIn.url)
  project.provide('redisIsReal', false)
  return () => standIn.close()
}
