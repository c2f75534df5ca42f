/** The steps of the table of faults: what a browser does while something fails. */
import type { TestProvider, UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { expect } from 'vitest'
import { readRefresh } from '../../lib/testing/html-reader.ts'
import { until } from './app.ts'
import type { Step } from './fault-columns.ts'
import { publicIssuer } from './fault-stage.ts'
import { response } from './flow.ts'

/** The state of a browser in the application: its user and its data. */
export interface Guest {
  readonly sub: string | null
  readonly notes: readonly string[]
  /** The id of the session. */
  readonly id: string
}

/** A step that was prepared without a fault. */
export interface Journey {
  /** The browsers that take the step. */
  readonly browsers: readonly UserAgent[]
  /** Takes the step and returns the responses. Redirects are not followed. */
  take(): Promise<UserAgentResponse[]>
  /** The state of the browsers after a successful step; undefined if the step changes nothing. */
  readonly taken?: readonly Omit<Guest, 'id'>[]
  /** Repeats the step to its end, as a user does when a page says to try again. */
  again(): Promise<UserAgentResponse[]>
  /** The state of the browsers after the repetition. */
  readonly after: readonly Omit<Guest, 'id'>[]
}

export type NewBrowser = () => UserAgent

/** A browser without a login, whose session has data. */
export async function visitor(browser: NewBrowser, note: string): Promise<UserAgent> {
  const agent = browser()
  await agent.get(`/note/${note}`)
  return agent
}

/** A browser with a logged-in user. */
export async function user(browser: NewBrowser, provider: TestProvider, sub: string, note: string): Promise<UserAgent> {
  provider.signIn(sub)
  const agent = browser()
  await agent.get('/profile')
  await agent.get(`/note/${note}`)
  expect(await guest(agent)).toMatchObject({ sub, notes: [note] })
  return agent
}

/** The state of a browser, as soon as the application can answer. */
export async function guest(agent: UserAgent): Promise<Guest> {
  const answer = await served(() => agent.fetch('/notes'))
  return answer.json() as unknown as Guest
}

/** Repeats a request until the status is not 503, as browsers and people do. */
export async function served(ask: () => Promise<UserAgentResponse>): Promise<UserAgentResponse> {
  let answer = await ask()
  await until(async () => answer.status !== 503 || (answer = await ask()).status !== 503, 'the request is served again')
  return answer
}

export const journeys: Record<Step, (browser: NewBrowser, provider: TestProvider) => Promise<Journey>> = {
  async login(browser, provider) {
    provider.signIn('alice')
    const agent = await visitor(browser, 'apples')
    return {
      browsers: [agent],
      take: () =>
        Promise.all(['/login?returnTo=/notes', '/profile'].map((page) => agent.get(page, { redirect: 'manual' }))),
      again: async () => [
        await served(() => agent.get('/login?returnTo=/notes')),
        await served(() => agent.get('/profile')),
      ],
      after: [{ sub: 'alice', notes: ['apples'] }],
    }
  },

  /** The callback of a visitor, and that of Bob while Alice is still logged in. */
  async callback(browser, provider) {
    const alice = await user(browser, provider, 'alice', 'plums')
    const agent = await visitor(browser, 'apples')
    const first = await response(agent, '/login?returnTo=/notes')
    provider.signIn('bob')
    const second = await response(alice, '/switch')
    const after = [
      { sub: 'alice', notes: ['apples'] },
      { sub: 'bob', notes: [] },
    ]
    return {
      browsers: [agent, alice],
      take: () => Promise.all([agent.get(first, { redirect: 'manual' }), alice.get(second, { redirect: 'manual' })]),
      taken: after,
      again: () => Promise.all([served(() => agent.get(first)), served(() => alice.get(second))]),
      after,
    }
  },

  async 'guarded page'(browser, provider) {
    const agent = await user(browser, provider, 'alice', 'plums')
    return {
      browsers: [agent],
      take: async () => [await agent.get('/profile', { redirect: 'manual' })],
      again: async () => [await served(() => agent.get('/profile'))],
      after: [{ sub: 'alice', notes: ['plums'] }],
    }
  },

  async 'guarded fetch'(browser, provider) {
    const agent = await user(browser, provider, 'alice', 'plums')
    return {
      browsers: [agent],
      take: async () => [await agent.fetch('/profile')],
      async again() {
        const answer = await served(() => agent.fetch('/profile'))
        if (answer.status !== 401) return [answer]
        // The script navigates to the login URL of the response.
        await agent.get(String(answer.json()['login']))
        return [await agent.fetch('/profile')]
      },
      after: [{ sub: 'alice', notes: ['plums'] }],
    }
  },

  async logout(browser, provider) {
    const agent = await user(browser, provider, 'alice', 'plums')
    const nobody = [{ sub: null, notes: [] }]
    return {
      browsers: [agent],
      take: async () => [await agent.post('/logout', {}, { followRefresh: false })],
      taken: nobody,
      async again() {
        // Logs in if nobody is logged in.
        await served(() => agent.get('/profile'))
        return [await served(() => agent.post('/logout'))]
      },
      after: nobody,
    }
  },
}

/** The text of the page for an error, and the word for it in the table. */
const codes = {
  store_unavailable: ['Your session cannot be reached', 'store'],
  provider_unavailable: ['The login service cannot be reached', 'provider'],
  provider_misconfigured: ['This application is misconfigured', 'misconfigured'],
  provider_response_invalid: ['The login service returned an invalid response', 'response'],
} as const

/** A response in two or three words: `503 store`, `302 to provider`, `200 alice`. */
export function inWords(answer: UserAgentResponse): string {
  const { status, headers } = answer
  const text = answer.text()
  const to = headers.get('location') ?? readRefresh(text)
  if (to !== undefined) {
    const { origin, pathname } = new URL(to, answer.url)
    return `${status} to ${origin === publicIssuer ? 'provider' : pathname}`
  }
  const found = Object.entries(codes).find(([code, [message]]) => text.includes(message) || text.includes(`"${code}"`))
  if (found) return `${status} ${found[1][1]}`
  const sub = /"sub":"(\w+)"/.exec(text)?.[1]
  return sub === undefined ? String(status) : `${status} ${sub}`
}
