/**
 * `npm run soak` runs many logins and guarded requests against four processes of one application with one real Redis. It
 * checks that nothing fails, no login is lost and no memory grows.
 *
 *   --logins 100000     --guarded 1000000    how many
 *   --servers 4         --browsers 48        processes of the application, concurrent browsers
 *   --minutes 40                             time limit of the run
 *
 * It ends with status 1 if any check fails.
 */
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createClient } from 'redis'
import { Browser } from './soak-browser.js'
import { Connections } from './soak-http.js'

/** How many times memory is measured during the run, while all processes are idle. */
const steps = 16
/** The factor by which memory may grow from the second quarter of the run to the last. */
const tolerance = 1.15
/**
 * Additional memory of RedisSessionStore: the maximum number of sessions whose last renewal it stores, and the bytes for
 * each.
 */
const remembered = { most: 50_000, bytes: 500 }
/** Additional bytes outside the heap, which V8 keeps for its young generation. */
const young = 32e6
/** How long node-redis keeps its timer after the last command. */
const restSeconds = 6
const tellSeconds = 15
/** The number of faults that are printed. */
const mostTold = 20
/** Only the public URL, which is never requested: the browsers connect to any of the processes. */
const baseUrl = 'http://localhost'
const users = 100

const { values } = parseArgs({
  options: {
    logins: { type: 'string', default: '100000' },
    guarded: { type: 'string', default: '1000000' },
    servers: { type: 'string', default: '4' },
    browsers: { type: 'string', default: '48' },
    minutes: { type: 'string', default: '40' },
  },
})
/** @param {keyof typeof values} name */
const number = (name) => {
  const value = Number(values[name])
  if (value > 0 && Number.isFinite(value)) return value
  throw new Error(`--${name} ${values[name]} is not a number above 0`)
}
const wanted = { logins: number('logins'), guarded: number('guarded') }
const deadline = Date.now() + number('minutes') * 60_000

/** @type {(() => void | Promise<void>)[]} */
const stops = []

async function startRedis() {
  const probe = createServer()
  await once(probe.listen(0, '127.0.0.1'), 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (probe.address())
  probe.close()
  await once(probe, 'close')
  const folder = mkdtempSync(join(tmpdir(), 'soak-redis-'))
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  const child = spawn('redis-server', args, { stdio: 'ignore' })
  const missing = once(child, 'error').then(([cause]) => {
    throw new Error('the soak run needs a redis-server on the PATH (Debian: redis-server)', { cause })
  })
  const url = `redis://127.0.0.1:${port}`
  const client = createClient({ url, socket: { reconnectStrategy: 25 } })
  client.on('error', () => {})
  stops.push(async () => {
    client.destroy()
    if (child.kill('SIGKILL')) await once(child, 'exit')
    rmSync(folder, { recursive: true, force: true })
  })
  await Promise.race([client.connect(), missing])
  return { url, client }
}

/**
 * Starts a process of the run, and records its memory.
 *
 * @param {string} name
 * @param {string} file
 * @param {{ args?: string[], first?: object }} [start]
 */
async function startProcess(name, file, { args = [], first } = {}) {
  const env = { ...process.env, NODE_ENV: 'production' }
  const child = fork(join(import.meta.dirname, file), args, { env, execArgv: ['--expose-gc'] })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`${name} ended with ${code}`)
  })
  ended.catch(() => {})
  stops.push(async () => {
    child.disconnect()
    await Promise.race([ended.catch(() => {}), pause(5000, undefined, { ref: false })])
    child.kill('SIGKILL')
  })
  if (first) child.send(first)
  const [ready] = await Promise.race([once(child, 'message'), ended])
  return {
    name,
    ready,
    ended,
    /** @type {{ logins: number, rss: number, heapUsed: number }[]} */
    samples: [],
    /** Measures memory after garbage collection. @param {number} logins @returns {Promise<string[]>} faults since the last time */
    async sample(logins) {
      child.send('sample')
      const [{ rss, heapUsed, faults }] = await Promise.race([once(child, 'message'), ended])
      this.samples.push({ logins, rss, heapUsed })
      return faults
    },
  }
}

/** @typedef {Awaited<ReturnType<typeof startProcess>>} Process */

/** @param {readonly number[]} list */
const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length

/**
 * The mean memory of the second and of the last quarter of the samples, and the limit for the last, in bytes.
 *
 * @param {Process} of
 * @param {'rss' | 'heapUsed'} what
 */
function growth({ samples }, what) {
  const quarter = Math.floor(samples.length / 4)
  const quarters = [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)]
  const [early = NaN, late = NaN] = quarters.map((part) => mean(part.map((sample) => sample[what])))
  // Each login uses two sessions: the one in which it begins, and its own.
  const [some = 0, more = 0] = quarters.map((part) =>
    mean(part.map(({ logins }) => Math.min(remembered.most, 2 * logins))),
  )
  const most = early * tolerance + (more - some) * remembered.bytes + (what === 'rss' ? young : 0)
  return { early, late, most, isGood: late <= most }
}

/** @param {number} value */
const figure = (value) => value.toLocaleString('en', { maximumFractionDigits: 1 })
/** @param {number} bytes */
const megabytes = (bytes) => (bytes / 1e6).toFixed(1)

async function main() {
  const redis = await startRedis()
  const provider = await startProcess('provider', 'soak-provider.js', { args: [String(users)] })
  const first = { redisUrl: redis.url, provider: provider.ready, baseUrl }
  const servers = await Promise.all(
    Array.from({ length: number('servers') }, (_, index) =>
      startProcess(`server ${index + 1}`, 'soak-server.js', { first }),
    ),
  )
  const processes = [...servers, provider]
  await redis.client.configResetStat()

  const counts = { logins: 0, guarded: 0, logouts: 0, returns: 0, lost: 0, wrong: 0 }
  let faults = 0
  const fault = (/** @type {string} */ text) => {
    faults++
    if (faults <= mostTold) console.error(`fault: ${text.slice(0, 300)}`)
    return undefined
  }
  const connections = {
    servers: servers.map(({ ready }) => new Connections(ready.url)),
    provider: new Connections(provider.ready.issuer),
  }
  stops.push(() => [...connections.servers, connections.provider].forEach((pool) => pool.close()))
  const run = { ...connections, baseUrl, users, counts, fault }
  const browsers = Array.from({ length: number('browsers') }, (_, index) => new Browser(run, index))

  const begin = Date.now()
  const tell = () => {
    const elapsed = (Date.now() - begin) / 1000
    const heaps = processes.map(({ samples }) => megabytes(samples.at(-1)?.heapUsed ?? 0)).join(' ')
    console.log(
      `${Math.round(elapsed)} s: ${figure(counts.logins)} logins, ${figure(counts.guarded)} guarded requests ` +
        `(${figure(counts.guarded / elapsed)}/s), ${figure(counts.logouts)} logouts, ${faults} faults, heaps ${heaps} MB`,
    )
  }
  const telling = setInterval(tell, tellSeconds * 1000)
  stops.push(() => clearInterval(telling))
  const timeIsUp = pause(deadline - begin, 'time is up', { ref: false })
  let begun = 0
  let promised = 0
  for (let step = 1, isUp = false; step <= steps && !isUp; step++) {
    const nextLogin = () => {
      if (begun >= (wanted.logins * step) / steps || isUp) return undefined
      // Spreads all guarded requests evenly over the logins.
      const requests = Math.round((wanted.guarded - promised) / (wanted.logins - begun))
      begun++
      promised += requests
      return requests
    }
    const work = Promise.all(browsers.map((browser) => browser.go(nextLogin)))
    isUp = (await Promise.race([work, timeIsUp, ...processes.map(({ ended }) => ended)])) === 'time is up'
    if (isUp) break
    await pause(restSeconds * 1000)
    for (const one of processes) {
      for (const text of await one.sample(counts.logins)) fault(`${one.name}: ${text}`)
    }
  }
  tell()

  const seconds = (Date.now() - begin) / 1000
  const stats = [...(await redis.client.info('commandstats')).matchAll(/cmdstat_([^:]+):calls=(\d+)/g)]
    .map(([, name = '', calls]) => ({ name, calls: Number(calls) }))
    .filter(({ name }) => !['info', 'config|resetstat'].includes(name))
  const commands = stats.reduce((sum, { calls }) => sum + calls, 0)
  const memory = await redis.client.info('memory')
  console.log(`
logins                ${figure(counts.logins)} of ${figure(wanted.logins)}, ${figure(counts.returns)} of them followed by another in the same session
guarded requests      ${figure(counts.guarded)} of ${figure(wanted.guarded)}
logouts               ${figure(counts.logouts)}, each checked to be final, in any process
faults                ${faults}
logins lost           ${counts.lost}
wrong answers         ${counts.wrong}
duration              ${figure(seconds)} s, ${figure(counts.logins / seconds)} logins/s, ${figure(counts.guarded / seconds)} guarded requests/s
Redis commands        ${figure(commands)}: ${stats
    .toSorted((a, b) => b.calls - a.calls)
    .map(({ name, calls }) => `${name} ${figure(calls)}`)
    .join(', ')}
Redis at the end      ${figure(await redis.client.dbSize())} keys, ${/used_memory_human:(\S+)/.exec(memory)?.[1]}, at most ${/used_memory_peak_human:(\S+)/.exec(memory)?.[1]}
`)
  const problems = []
  if (faults > 0) problems.push(`${faults} faults`)
  if (counts.logins < wanted.logins || counts.guarded < wanted.guarded) problems.push('the run did not finish in time')
  if (processes.every(({ samples }) => samples.length === steps)) {
    console.log(
      'idle memory after garbage collection, MB: mean of the second quarter of the run -> of the last (limit)',
    )
    for (const one of processes) {
      const parts = /** @type {const} */ (['heapUsed', 'rss']).map((what) => ({ what, ...growth(one, what) }))
      const line = parts
        .map(({ what, early, late, most }) => `${what} ${megabytes(early)} -> ${megabytes(late)} (${megabytes(most)})`)
        .join('   ')
      console.log(`${one.name.padEnd(10)} ${line}`)
      if (!parts.every(({ isGood }) => isGood)) problems.push(`the memory of ${one.name} grows`)
    }
  }
  if (problems.length > 0) console.error(`\nproblems:\n${problems.join('\n')}`)
  return problems.length === 0
}

let isGood = false
try {
  isGood = await main()
} finally {
  for (const stop of stops.toReversed()) await stop()
}
console.log(isGood ? '\nno problems' : '')
process.exit(isGood ? 0 : 1)
