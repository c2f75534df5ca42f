/** What specs of a login's tokens share: what an application shows of them, and a clock that they set. */
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { beforeEach, vi } from 'vitest'
import type { ShownToken } from './token-routes.ts'

/** Lets time pass for everybody in this process, the provider included; timers go on as they were. */
export function pass(seconds: number): void {
  const now = Date.now() + seconds * 1000
  vi.useFakeTimers({ toFake: ['Date'], now })
}

/** From the start of each spec of the file no time passes but by `pass()`: how long a login takes is the machine's matter. */
export function stillClock(): void {
  beforeEach(() => pass(0))
}

/** Fetches `/token`. */
export function askToken(agent: UserAgent, url: string, query = ''): Promise<UserAgentResponse> {
  return agent.fetch(`${url}/token${query}`)
}

/** What `/token` shows; fails where it does not. */
export async function shownToken(agent: UserAgent, url: string, query = ''): Promise<ShownToken> {
  const answer = await askToken(agent, url, query)
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text()}`)
  return answer.json() as unknown as ShownToken
}

/** What one process of several answers at `/token` to a browser, with the cookie that it has. */
export async function tokenAt(
  url: string,
  agent: UserAgent,
  query = '',
): Promise<{ status: number; shown: ShownToken }> {
  const cookie = `connect.sid=${agent.jar.get('connect.sid')?.value ?? ''}`
  const answer = await fetch(`${url}/token${query}`, { headers: { cookie } })
  return { status: answer.status, shown: (await answer.json()) as ShownToken }
}
