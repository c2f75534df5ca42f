/** What a guarded request asks of Redis, and what a login takes there and in the browser. */
import { createUserAgent } from 'express-session-oidc/testing'
import { commandsDuring, commandsEach, sumOf } from '../commands.js'
import { figure, heading, table } from '../figures.js'
import { requestOf } from '../load.js'
import { logIn, startSubject } from '../login.js'
import { startProcess, startRedis } from '../processes.js'
import { subjects } from '../subjects.js'

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
    const used = await commandsEach(server.client, target)
    rows.push([
      subject.label,
      figure(sumOf(used), 2),
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
