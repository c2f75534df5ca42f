/** Counts commands and round trips to Redis. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { load } from './load.js'

/** How long a reply of Redis is held back, in milliseconds, so that commands that do not wait for it are sent first. */
const holdMs = 5

/**
 * A proxy between a subject and Redis that counts round trips: how often something is sent after a reply of Redis.
 *
 * @param {string} redisUrl
 */
export async function roundTripCounter(redisUrl) {
  const { hostname, port } = new URL(redisUrl)
  let count = 0
  const proxy = createServer((client) => {
    const redis = connect({ host: hostname, port: Number(port), noDelay: true })
    let waits = false
    client.on('data', (data) => {
      if (!waits) count++
      waits = true
      redis.write(data)
    })
    redis.on('data', (data) => {
      setTimeout(() => {
        waits = false
        client.write(data)
      }, holdMs)
    })
    client.on('close', () => redis.destroy()).on('error', () => {})
    redis.on('close', () => client.destroy()).on('error', () => {})
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  const address = /** @type {import('node:net').AddressInfo} */ (proxy.address())
  return {
    url: `redis://127.0.0.1:${address.port}`,
    /** @param {() => Promise<unknown>} work */
    async during(work) {
      const before = count
      await work()
      return count - before
    },
    stop: () => proxy.close(),
  }
}

/**
 * The commands that Redis received during `work`, in order. Commands that scripts call, and those of the monitor's own
 * connection, are left out.
 *
 * @param {any} client
 * @param {() => Promise<unknown>} work
 * @returns {Promise<string[]>}
 */
export async function commandsDuring(client, work) {
  const monitor = client.duplicate()
  monitor.on('error', () => {})
  await monitor.connect()
  /** @type {string[]} */
  const commands = []
  const end = `the end of ${performance.now()}`
  /** @type {(value?: unknown) => void} */
  let over = () => {}
  const seen = new Promise((resolve) => {
    over = resolve
  })
  await monitor.monitor((/** @type {string} */ line) => {
    if (line.includes(end)) over()
    else if (!line.includes(' lua] ')) commands.push(/\] "(\w+)"/.exec(line)?.[1]?.toUpperCase() ?? line)
  })
  await work()
  // The monitor reports commands in order: once it reports this one, it has reported all before it.
  await client.echo(end)
  await seen
  monitor.destroy()
  return commands
}

/** Counts as text, such as "GET 2, SET". @param {readonly string[]} commands */
export function countByName(commands) {
  const counts = new Map()
  for (const name of commands) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].map(([name, count]) => (count === 1 ? name : `${name} ${count}`)).join(', ')
}

/** The number of requests over which commands are counted. */
const requests = 2000

/**
 * The average number of times that one request sends each command.
 *
 * @param {any} client
 * @param {import('./load.js').Target} target
 */
export async function commandsEach(client, target) {
  const before = await commandCounts(client)
  await load(target, { count: requests })
  const after = await commandCounts(client)
  const commands = [...after].map(([name, count]) => ({ name, each: (count - (before.get(name) ?? 0)) / requests }))
  return commands.filter(({ each }) => each > 0)
}

/** The commands of one request in total. @param {Awaited<ReturnType<typeof commandsEach>>} commands */
export function sum(commands) {
  return commands.reduce((sum, { each }) => sum + each, 0)
}

/** Calls by command, without those of the bench itself. @param {any} client @returns {Promise<Map<string, number>>} */
async function commandCounts(client) {
  const text = await client.info('commandstats')
  const counts = [...text.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(
    ([, name, count]) => /** @type {[string, number]} */ ([name.toUpperCase(), Number(count)]),
  )
  return new Map(counts.filter(([name]) => name !== 'INFO'))
}
