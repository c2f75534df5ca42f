/** Logs a new visitor in, and checks what must hold whether the login succeeds or fails. */
import { Agent } from 'node:http'
import type { TestProvider, UserAgent } from 'express-session-oidc/testing'
import { expect } from 'vitest'
import { redisKey } from '../../../lib/store/redis-client.ts'
import { LoginRecord } from '../../../lib/store/login-record.ts'
import { loginKey } from '../../../lib/store/login-records.ts'
import type { Slot } from '../../../lib/store/slot.ts'
import type { TestApp } from '../../support/app.ts'
import { told } from '../../support/flow.ts'
import { sessionId } from '../../support/session-cookie.ts'

/** The part of a Redis client that is used here. */
export interface Reader {
  get(key: string): Promise<unknown>
}

export type Outcome =
  | { readonly how: 'login'; readonly slot: Slot; readonly profile: Record<string, unknown>; readonly agent: UserAgent }
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
  const failed = told(app, 'login_failed')
  if (page.status !== 200) {
    const [event] = failed
    const { code, status, detail } = { code: '', status: 0, detail: '', ...event } as Record<string, unknown>
    expect(failed).toHaveLength(1)
    expect({ code, status }).toEqual({ code, status: refusals[String(code)] })
    expect(page.status).toBe(status)
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect(page.text()).not.toMatch(/eyJ[\w-]{10,}/)
    expect(JSON.stringify(app.events)).not.toMatch(/eyJ[\w-]{10,}/)
    expect(told(app, 'login')).toEqual([])
    expect(agent.jar.get('connect.sid')).toBeUndefined()
    expect((await agent.get('/')).text()).toBe('hello stranger')
    return { how: 'refused', code: String(code), status: Number(status), detail: String(detail) }
  }
  expect(failed).toEqual([])
  const slot = await slotOfBrowser(agent, redis)
  expectSaneSlot(slot, provider.issuer)
  expect(told(app, 'login')).toMatchObject([{ issuer: slot.issuer, sub: slot.sub, loginId: slot.loginId }])
  const profile = page.json() as Record<string, unknown>
  expect(profile).toMatchObject({ user: { sub: slot.sub, iss: provider.issuer } })
  const again = await agent.get('/profile')
  expect(again.hops).toHaveLength(1)
  expect(again.text()).toBe(page.text())
  return { how: 'login', slot, profile, agent }
}

/** The login in Redis for the session of a browser. */
export async function slotOfBrowser(agent: UserAgent, redis: Reader): Promise<Slot> {
  const text = await redis.get(redisKey(loginKey(sessionId(agent)), 'sess:'))
  const slot = LoginRecord.of('session', String(text)).slots['default']
  if (!slot) throw new Error('no login record')
  return slot
}

/** Checks that every member of a slot has its type and that every time is valid. */
export function expectSaneSlot(slot: Slot, issuer: string): void {
  const now = Date.now() / 1000
  expect(slot.issuer).toBe(issuer)
  expect(slot.sub.length).toBeGreaterThan(0)
  expect(slot.sub.length).toBeLessThanOrEqual(255)
  expect(slot.sid === undefined || typeof slot.sid === 'string').toBe(true)
  expect(slot.acr === undefined || typeof slot.acr === 'string').toBe(true)
  for (const list of [slot.roles, slot.scope]) {
    expect(Array.isArray(list) && list.every((one) => typeof one === 'string')).toBe(true)
  }
  expect(Array.isArray(slot.user)).toBe(false)
  // No claim has replaced the prototype.
  expect(Object.getPrototypeOf(slot.user)).toBe(Object.prototype)
  for (const time of [slot.startedAt, slot.checkedAt]) {
    expect(time).toBeGreaterThan(now - 300)
    expect(time).toBeLessThanOrEqual(now + 1)
  }
  expect(slot.endsAt).toBeGreaterThan(now + 28_000)
  expect(slot.endsAt).toBeLessThanOrEqual(now + 28_801)
  const { accessTokenEndsAt = now, authTime = now } = slot
  expect(accessTokenEndsAt).toBeGreaterThan(now - 300)
  expect(new Date(accessTokenEndsAt * 1000).getTime(), `${accessTokenEndsAt} is a date`).not.toBeNaN()
  // auth_time is not in the future, because such a login would never be too old.
  expect(authTime).toBeGreaterThanOrEqual(0)
  expect(authTime).toBeLessThanOrEqual(now + 31)
}
