/** Shared by the specs of the examples: a server for an example's application, and steps at its provider. */
import { createServer } from 'node:http'
import type { Express } from 'express'
import { createUserAgent, type UserAgent, type UserAgentResponse } from 'express-session-oidc/testing'
import { close, listen } from '../support/app.ts'

export interface Running {
  readonly url: string
  /** A browser without cookies. */
  agent(): UserAgent
  stop(): Promise<void>
}

/** Runs an example. It listens first, because the application needs its URL. */
export async function run(
  make: (url: string) => Promise<{ app: Express; stop: () => Promise<void> }>,
): Promise<Running> {
  const server = createServer()
  // As in the examples: a different host from the providers', which makes it another site.
  const url = (await listen(server)).replace('127.0.0.1', 'localhost')
  const { app, stop } = await make(url)
  server.on('request', app)
  return {
    url,
    agent: () => createUserAgent({ baseUrl: url }),
    stop: async () => {
      await close(server)
      await stop()
    },
  }
}

/** The text of a page as a person reads it. */
export function readText(page: UserAgentResponse): string {
  return page
    .text()
    .replace(/<(head|script)[\s\S]*?<\/\1>|<[^>]*>/g, ' ')
    .replace(/&#39;/g, "'")
    .replace(/\s+/g, ' ')
    .trim()
}

export function getHeading(page: UserAgentResponse): string | undefined {
  return /<h1[^>]*>([^<]*)<\/h1>/.exec(page.text())?.[1]
}

/** Presses `Log out` and submits the page of the provider, which a browser submits by itself. */
export async function logOut(
  agent: UserAgent,
  page: UserAgentResponse,
  form: number | string = 0,
): Promise<UserAgentResponse> {
  const requested = await agent.submit(page, { form })
  if (getHeading(requested) !== 'Logging you out')
    throw new Error(`the provider shows no logout page:\n${readText(requested)}`)
  // Its button is outside the form.
  return agent.submit(requested, { form: 'op.logoutForm', fields: { logout: 'yes' } })
}
