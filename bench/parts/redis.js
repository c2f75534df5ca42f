/** What a guarded request asks of Redis, and what a login takes there and in the browser. */
import { createUserAgent } from 'express-session-oidc/testing'
import { commandsDuring } from '../commands.js'
import { figure, heading, table } from '../figures.js'
import { load, requestOf } from '../load.js'
import { logIn, startSubject } from '../login.js'
import { startProcess, startRedis } from '../processes.js'
import { subjects } from '../subjects.js'

const requests = 2000

export async function redis() {
  heading('Redis')
  const server = await startRedis()
  const provider = await startProcess('provider.js')
  const rows = []
  for (const subject of subjects) {
    if (subject.name === 'bare') continue
    const running = await startSubject(subject, { redis: server, provider })
    const login = await commandsDuring(server.client, () => createUserAgent({ baseUrl: running.url }).get('/me'))
    await server.client.flushAll()
    const { cookie, body, setCookieBytes } = await logIn(running)
    const { lasting, passing, passingSeconds } = await memoryUsed(server.client)
    const target = { url: running.url, requests: [requestOf(running.url, cookie)], body }
    const before = await commandCounts(server.client)
    await load(target, { count: requests })
    const after = await commandCounts(server.client)
    const commands = [...after].map(([name, count]) => ({ name, each: (count - (before.get(name) ?? 0)) / requests }))
    const used = commands.filter(({ each }) => each > 0)
    rows.push([
      subject.label,
      figure(
        used.reduce((sum, { each }) => sum + each, 0),
        2,
      ),
      used.map(({ name, each }) => `${name} ${figure(each, 2)}`).join(', '),
      figure(login.length),
      figure(lasting),
      passing === 0 ? '' : `${figure(passing)} for ${figure(passingSeconds / 60)} min`,
      figure(cookie?.length ?? 0),
      figure(setCookieBytes),
    ])
  }
  console.log(
    table([
      ['', 'commands/request', '', 'commands/login', 'bytes/login in Redis', 'and', 'cookie bytes sent', 'set/answer'],
      ...rows,
    ]),
  )
  console.log(
    '\nCommands: INFO commandstats around guarded requests; MONITOR of a login, with the page that it ends at. Bytes: MEMORY USAGE of all keys after one login; those that ' +
      'live an hour or less (that a response was used) apart.',
  )
}

/** @param {any} client */
async function memoryUsed(client) {
  let lasting = 0
  let passing = 0
  let passingSeconds = 0
  for (const key of await client.keys('*')) {
    const bytes = await client.memoryUsage(key, { SAMPLES: 0 })
    const seconds = await client.ttl(key)
    if (seconds > 0 && seconds <= 3600) {
      passing += bytes
      passingSeconds = Math.max(passingSeconds, seconds)
    } else lasting += bytes
  }
  return { lasting, passing, passingSeconds }
}

/** Calls by command, without those that the bench makes itself. @param {any} client @returns {Promise<Map<string, number>>} */
export async function commandCounts(client) {
  const text = await client.info('commandstats')
  const counts = [...text.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(
    ([, name, count]) => /** @type {[string, number]} */ ([name.toUpperCase(), Number(count)]),
  )
  return new Map(counts.filter(([name]) => name !== 'INFO'))
}
