/**
 * The Redis that the specs use: REDIS_URL where it is set, else a `redis-server` of our own on a free port, else a
 * server in JavaScript with a notice. On CI only a real one counts.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { createClient } from 'redis'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    redisUrl: string
    redisIsReal: boolean
  }
}

/** A port of 127.0.0.1 that is free at the moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}

/** Starts a `redis-server` without persistence; undefined where the machine has none. */
export async function startRedisServer(port: number, args: string[] = []): Promise<ChildProcess | undefined> {
  const child = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...args],
    { stdio: 'ignore' },
  )
  const failed = await new Promise<boolean>((resolve) => {
    child.once('error', () => resolve(true))
    child.once('spawn', () => resolve(false))
  })
  if (failed) return undefined
  await answers(`redis://127.0.0.1:${port}`)
  return child
}

async function answers(url: string): Promise<void> {
  const client = createClient({ url, socket: { reconnectStrategy: (tries) => (tries > 200 ? false : 25) } })
  client.on('error', () => {})
  await client.connect()
  while (await isLoading(client.ping())) await pause(10)
  client.destroy()
}

/** It takes connections before it has read what it had written. */
async function isLoading(answer: Promise<unknown>): Promise<boolean> {
  try {
    await answer
    return false
  } catch (error) {
    if (/^LOADING\b/.test((error as Error).message)) return true
    throw error
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['REDIS_URL']
  if (given) {
    project.provide('redisUrl', given)
    project.provide('redisIsReal', true)
    return async () => {}
  }
  const port = await freePort()
  const url = `redis://127.0.0.1:${port}`
  project.provide('redisUrl', url)
  const child = await startRedisServer(port)
  if (child) {
    project.provide('redisIsReal', true)
    return async () => {
      child.kill('SIGKILL')
    }
  }
  if (process.env['CI']) {
    throw new Error(
      'no redis-server on the PATH: install it (Debian: redis-server) or set REDIS_URL; CI takes no other',
    )
  }
  console.warn(
    'notice: no redis-server on the PATH and no REDIS_URL: the tests run on the stand-in of spec/support/redis-stand-in.ts',
  )
  // Loaded here alone: its Lua takes a while to load.
  const { startRedisStandIn } = await import('./redis-stand-in.ts')
  const standIn = await startRedisStandIn(port)
  project.provide('redisIsReal', false)
  return () => standIn.close()
}
