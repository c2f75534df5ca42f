/** Logs a new visitor in, and checks what must hold whether the login succeeds or fails. */
import { Agent } from 'node:http'
import type { TestProvider, UserAgent } from 'express-session-oidc/testing'
import { expect } from 'vitest'
import { formatRedisKey } from '../../../lib/store/redis-client.ts'
import { LoginRecord } from '../../../lib/store/login-record.ts'
import { makeLoginKey } from '../../../lib/store/login-records.ts'
import type { LoginEntry } from '../../../lib/store/login-entry.ts'
import type { TestApp } from '../../support/app.ts'
import { listEvents } from '../../support/flow.ts'
import { sessionId } from '../../support/session-cookie.ts'

/** The part of a Redis client that is used here. */
export interface Reader {
  get(key: string): Promise<unknown>
}

export type Outcome =
  | {
      readonly how: 'login'
      readonly entry: LoginEntry
      readonly profile: Record<string, unknown>
      readonly agent: UserAgent
    }
  | { readonly how: 'refused'; readonly code: string; readonly status: number; readonly detail: string }

/** Connections are reused, because a file makes hundreds of these logins. */
const connections = new Agent({ keepAlive: true })

/** The error codes that a response of the provider may cause, with their status. */
export const refusals: Readonly<Record<string, number>> = {
  token_invalid: 502,
  provider_response_invalid: 502,
  provider_unavailable: 503,
}

/**
 * Logs a new visitor in at `/profile`. Either the login can be read back, from Redis and by the next request; or it is
 * rejected with an error of the package, nobody is logged in and no session exists.
 */
export async function oneLogin(app: TestApp, redis: Reader, provider: TestProvider): Promise<Outcome> {
  app.events.length = 0
  const agent = app.agent({ agent: connections })
  const page = await agent.get('/profile')
  const failed = listEvents(app, 'login_failed')
  if (page.status !== 200) {
    const [event] = failed
    const { code, status, detail } = { code: '', status: 0, detail: '', ...event } as Record<string, unknown>
    expect(failed).toHaveLength(1)
    expect({ code, status }).toEqual({ code, status: refusals[String(code)] })
    expect(page.status).toBe(status)
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect(page.text()).not.toMatch(/eyJ[\w-]{10,}/)
    expect(JSON.stringify(app.events)).not.toMatch(/eyJ[\w-]{10,}/)
    expect(listEvents(app, 'login')).toEqual([])
    expect(agent.jar.get('connect.sid')).toBeUndefined()
    expect((await agent.get('/')).text()).toBe('hello stranger')
    return { how: 'refused', code: String(code), status: Number(status), detail: String(detail) }
  }
  expect(failed).toEqual([])
  const entry = await entryOfBrowser(agent, redis)
  expectSaneEntry(entry, provider.issuer)
  expect(listEvents(app, 'login')).toMatchObject([{ issuer: entry.issuer, sub: entry.sub, loginId: entry.loginId }])
  const profile = page.json() as Record<string, unknown>
  expect(profile).toMatchObject({ user: { sub: entry.sub, iss: provider.issuer } })
  const again = await agent.get('/profile')
  expect(again.hops).toHaveLength(1)
  expect(again.text()).toBe(page.text())
  return { how: 'login', entry, profile, agent }
}

/** The login in Redis for the session of a browser. */
export async function entryOfBrowser(agent: UserAgent, redis: Reader): Promise<LoginEntry> {
  const text = await redis.get(formatRedisKey(makeLoginKey(sessionId(agent)), 'sess:'))
  const entry = LoginRecord.of('session', String(text)).entries['default']
  if (!entry) throw new Error('no login record')
  return entry
}

/** Checks that every member of an entry has its type and that every time is valid. */
export function expectSaneEntry(entry: LoginEntry, issuer: string): void {
  const now = Date.now() / 1000
  expect(entry.issuer).toBe(issuer)
  expect(entry.sub.length).toBeGreaterThan(0)
  expect(entry.sub.length).toBeLessThanOrEqual(255)
  expect(entry.sid === undefined || typeof entry.sid === 'string').toBe(true)
  expect(entry.acr === undefined || typeof entry.acr === 'string').toBe(true)
  for (const list of [entry.roles, entry.scope]) {
    expect(Array.isArray(list) && list.every((one) => typeof one === 'string')).toBe(true)
  }
  expect(Array.isArray(entry.user)).toBe(false)
  // No claim has replaced the prototype.
  expect(Object.getPrototypeOf(entry.user)).toBe(Object.prototype)
  for (const time of [entry.startedAt, entry.checkedAt]) {
    expect(time).toBeGreaterThan(now - 300)
    expect(time).toBeLessThanOrEqual(now + 1)
  }
  expect(entry.endsAt).toBeGreaterThan(now + 28_000)
  expect(entry.endsAt).toBeLessThanOrEqual(now + 28_801)
  const { accessTokenEndsAt = now, authTime = now } = entry
  expect(accessTokenEndsAt).toBeGreaterThan(now - 300)
  expect(new Date(accessTokenEndsAt * 1000).getTime(), `${accessTokenEndsAt} is a date`).not.toBeNaN()
  // auth_time is not in the future, because such a login would never be too old.
  expect(authTime).toBeGreaterThanOrEqual(0)
  expect(authTime).toBeLessThanOrEqual(now + 31)
}
