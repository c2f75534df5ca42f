/** Starts subjects, each in its own process, and logs in to them through the provider. */
import { createUserAgent } from 'express-session-oidc/testing'
import { makeRequest } from './load.js'
import { startProcess } from './processes.js'

/**
 * @typedef {import('./subjects.js').Subject & { process: Awaited<ReturnType<typeof startProcess>>, url: string }} Running
 */

/**
 * @param {import('./subjects.js').Subject} subject
 * @param {{ redis: { url: string }, provider: { ready: object }, times?: boolean }} surroundings `times`: whether callbacks are timed
 * @returns {Promise<Running>}
 */
export async function startSubject(subject, { redis, provider, times = false }) {
  const first = { redisUrl: redis.url, provider: provider.ready, times }
  const process = await startProcess('server.js', [subject.name], first)
  return { ...subject, process, url: process.ready.url }
}

/** Logs in with a new browser. @param {Running} subject */
export async function logIn({ url, name }) {
  const agent = createUserAgent({ baseUrl: url })
  const page = await agent.get('/me')
  if (page.status !== 200) throw new Error(`${name}: the login ended with ${page.status} ${page.text()}`)
  // The load sends such a request too: without the cookies that only the login needed.
  const again = await agent.get('/me')
  if (again.status !== 200 || again.hops.length !== 1) throw new Error(`${name}: the login did not last`)
  const own = new URL('/me', url)
  const header = agent.jar.header(own, { safeNavigation: true })
  const cookie = header
    ?.split('; ')
    .filter((one) => !one.includes('.finished='))
    .join('; ')
  return { cookie, body: again.text(), setCookieBytes: again.headers.getSetCookie().join('').length }
}

/** A target for the load with one session. @param {Running} subject */
export async function getTarget(subject) {
  const { cookie, body } = await logIn(subject)
  return { url: subject.url, requests: [makeRequest(subject.url, cookie)], body }
}
