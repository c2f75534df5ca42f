import { createUserAgent, type UserAgent } from 'express-session-oidc/testing'
import type { TestApp } from './app.ts'

const name = 'connect.sid'

/** The id of the session that a browser's cookie names. */
export function sessionId(agent: UserAgent): string {
  const value = decodeURIComponent(agent.jar.get(name)?.value ?? '')
  const id = /^s:(.+)\.[^.]+$/.exec(value)?.[1]
  if (id === undefined) throw new Error(`the browser has no session cookie: ${value}`)
  return id
}

/** Another browser, with only a copy of this browser's current session cookie. */
export function sessionThief(agent: UserAgent, app: TestApp): UserAgent {
  const thief = createUserAgent({ baseUrl: app.url })
  thief.jar.set(`${name}=${agent.jar.get(name)?.value ?? ''}; Path=/; HttpOnly`, app.url)
  return thief
}

/** Whether a response sets or clears the session cookie. */
export function touchesSessionCookie(response: { headers: Headers }): boolean {
  return response.headers.getSetCookie().some((line) => line.startsWith(`${name}=`))
}
