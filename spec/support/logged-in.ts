import type { UserAgent } from 'express-session-oidc/testing'
import type { TestApp } from './app.ts'
import type { Flow } from './flow.ts'
import { pass } from './tokens-app.ts'

/**
 * A browser that has just logged in. The recorded requests of the provider are cleared. From then on the clock moves only
 * by `pass()`.
 */
export async function loggedIn({ provider }: Flow, app: TestApp): Promise<UserAgent> {
  pass(0)
  const agent = app.agent()
  const page = await agent.get('/profile')
  if (page.status !== 200) throw new Error(`no login: ${page.status} ${page.text()}`)
  provider.forget()
  return agent
}
