/** The commands of a guarded request and of a login, and the bytes of a login in Redis and in the browser. */
import { createUserAgent } from 'express-session-oidc/testing'
import { commandsDuring, commandsEach, roundTripCounter, sum } from '../commands.js'
import { figure, heading, table } from '../figures.js'
import { makeRequest } from '../load.js'
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
    const proxy = await roundTripCounter(server.url)
    const far = await startSubject(subject, { redis: proxy, provider })
    const agent = createUserAgent({ baseUrl: far.url })
    const first = await getCallback(far, agent, '/me', proxy, server.client)
    const again = await getCallback(far, agent, '/login', proxy, server.client)
    proxy.stop()
    await server.client.flushAll()
    const running = await startSubject(subject, { redis: server, provider })
    const { cookie, body, setCookieBytes } = await logIn(running)
    const { lasting, passing, passingSeconds } = await memoryUsed(server.client)
    const target = { url: running.url, requests: [makeRequest(running.url, cookie)], body }
    const used = await commandsEach(server.client, target)
    rows.push([
      subject.label,
      figure(sum(used), 2),
      used.map(({ name, each }) => `${name} ${figure(each, 2)}`).join(', '),
      first,
      again,
      figure(lasting),
      passing === 0 ? '' : `${figure(passing)} for ${figure(passingSeconds / 60)} min`,
      figure(cookie?.length ?? 0),
      figure(setCookieBytes),
    ])
  }
  console.log(
    table([
      [
        '',
        'commands/request',
        '',
        'a login',
        'a second login',
        'bytes/login in Redis',
        'plus temporarily',
        'cookie bytes sent',
        'set/answer',
      ],
      ...rows,
    ]),
  )
  console.log(
    '\nCommands: INFO commandstats around guarded requests. A login, and a second login in the same browser: MONITOR of ' +
      'the callback, and the round trips of its commands. Bytes: MEMORY USAGE of all keys after one login. Keys that last ' +
      'an hour or less (the record that a response was used) are listed separately.',
  )
}

/**
 * The commands and round trips to Redis during the callback of a login.
 *
 * @param {import('../login.js').Running} subject
 * @param {import('express-session-oidc/testing').UserAgent} agent
 * @param {string} page that begins the login
 * @param {Awaited<ReturnType<typeof roundTripCounter>>} proxy
 * @param {any} client
 */
async function getCallback({ name, url }, agent, page, proxy, client) {
  let next = new URL(page, url)
  while (next.origin !== url || next.pathname !== '/callback') {
    const location = (await agent.get(next, { redirect: 'manual' })).headers.get('location')
    if (location === null) throw new Error(`${name}: ${next.pathname} does not redirect`)
    next = new URL(location, next)
  }
  let trips = 0
  const commands = await commandsDuring(client, async () => {
    trips = await proxy.during(() => agent.get(next, { redirect: 'manual' }))
  })
  return trips === 0 ? '0' : `${commands.length} in ${trips}`
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
