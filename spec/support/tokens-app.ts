/** Shared by the specs of a login's tokens: requests to the token routes, and a clock that tests set. */
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { beforeEach } from 'vitest'
import { passMs } from './clocks.ts'
import type { ShownToken } from './token-routes.ts'

/** Advances the clocks of this process, that of the provider included. Timers are not changed. */
export function pass(seconds: number): void {
  passMs(seconds * 1000)
}

/** Stops the clock at the start of each test of the file, so that the speed of the machine has no effect. */
export function stillClock(): void {
  beforeEach(() => pass(0))
}

/** Fetches `/token`. */
export function askToken(agent: UserAgent, url: string, query = ''): Promise<UserAgentResponse> {
  return agent.fetch(`${url}/token${query}`)
}

/** The response of `/token`. Throws an error if the status is not 200. */
export async function shownToken(agent: UserAgent, url: string, query = ''): Promise<ShownToken> {
  const answer = await askToken(agent, url, query)
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text()}`)
  return answer.json() as unknown as ShownToken
}

/** The response of `/token` from one of several processes, with the session cookie of a browser. */
export async function tokenAt(
  url: string,
  agent: UserAgent,
  query = '',
): Promise<{ status: number; shown: ShownToken }> {
  const cookie = `connect.sid=${agent.jar.get('connect.sid')?.value ?? ''}`
  const answer = await fetch(`${url}/token${query}`, { headers: { cookie } })
  return { status: answer.status, shown: (await answer.json()) as ShownToken }
}
