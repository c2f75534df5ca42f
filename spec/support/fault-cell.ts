/** One cell of the table of faults: a fault during a step, and everything that must hold then. */
import type { TestProvider, UserAgentResponse } from 'express-session-oidc/testing'
import { expect, type TestContext } from 'vitest'
import type { TestApp } from './app.ts'
import type { CellOutcome, Step } from './fault-columns.ts'
import { guest, inWords, journeys, user, visitor, type Guest, type NewBrowser } from './fault-steps.ts'
import { listEvents } from './flow.ts'
import { touchesSessionCookie } from './session-cookie.ts'

/** The response to each step during a fault, in the words of the table. A step without an entry has no cell. */
export type Expected = Partial<Record<Step, string>>

export interface CellSetup {
  readonly fault: string
  readonly step: Step
  readonly expected: Expected
  readonly browser: NewBrowser
  readonly provider: TestProvider
  /** Starts the process in which the fault occurs. Another process has handled all earlier requests. */
  readonly start: () => Promise<TestApp>
  readonly strike: () => unknown
  readonly heal: () => unknown
  /** The `detail` of the event if the response is an error. */
  readonly detail?: RegExp | undefined
  /** The timeout that the step waits for during the fault, in seconds. Default 0. */
  readonly waits?: number | undefined
  /** Whether the fault deletes all sessions and logins. */
  readonly losesAll?: boolean | undefined
}

/** Seconds beyond the timeout for a busy machine: fewer than the 5 after which node-redis gives up by itself. */
const spare = 4

export async function faultCell(setup: CellSetup, { task }: TestContext): Promise<void> {
  const { fault, step, expected, browser, provider, losesAll = false } = setup
  const outcome: CellOutcome = { fault, step, answered: 'not reached' }
  task.meta.faultCell = outcome
  const bob = await user(browser, provider, 'bob', 'pears')
  const stranger = await visitor(browser, 'figs')
  const journey = await journeys[step](browser, provider)
  const cast = [...journey.browsers, bob, stranger]
  const before = await Promise.all(cast.map(guest))
  const app = await setup.start()

  app.events.length = 0
  await setup.strike()
  const began = performance.now()
  const [answers, ofBob, ofStranger] = await Promise.all([
    journey.take(),
    bob.fetch('/profile'),
    stranger.fetch('/profile'),
  ])
  const took = (performance.now() - began) / 1000
  outcome.answered = [...new Set(answers.map(inWords))].join(', ')

  expect(outcome.answered).toBe(expected[step])
  expect(took, 'seconds until the answer').toBeLessThan((setup.waits ?? 0) + spare)
  const isTaken = answers.every(({ status }) => status < 400)
  for (const answer of answers) expectForm(step, answer)
  const { 'guarded fetch': ofUsers = '200 alice' } = expected
  expect(inWords(ofBob)).toBe(ofUsers.replace('alice', 'bob'))
  expect(inWords(ofStranger)).toBe(ofUsers === '200 alice' ? '401' : ofUsers)
  for (const answer of [ofBob, ofStranger]) expect(touchesSessionCookie(answer)).toBe(false)
  expectTold(app, outcome, setup.detail)
  // If the fault deleted all logins, there is no login to end.
  expect(listEvents(app, 'login')).toHaveLength(isTaken && step === 'callback' ? 2 : 0)
  expect(listEvents(app, 'logout')).toHaveLength(isTaken && step === 'logout' && !losesAll ? 1 : 0)

  await setup.heal()
  const lost = { sub: null, notes: [] }
  const untouched = losesAll ? before.map(() => lost) : before
  const taken = (isTaken && journey.taken) || []
  const now = await Promise.all(cast.map(guest))
  expect(now).toMatchObject(
    untouched.map((guest, index) => (taken[index] ? withoutLost(taken[index], losesAll) : guest)),
  )

  const again = await journey.again()
  const after = await Promise.all(journey.browsers.map(guest))
  outcome.healed = after.map(({ sub }) => sub ?? 'nobody').join(', ')
  expect(again.map(({ status }) => status)).toEqual(again.map(() => 200))
  expect(after).toMatchObject(journey.after.map((guest) => withoutLost(guest, losesAll)))
  expect(await Promise.all([bob, stranger].map(guest))).toMatchObject(untouched.slice(-2))
}

/** The guest without the data that the fault deleted. */
function withoutLost(guest: Omit<Guest, 'id'>, losesAll: boolean): Omit<Guest, 'id'> {
  return losesAll ? { ...guest, notes: [] } : guest
}

/** An error is a page for users and problem+json for scripts, says when to retry, and touches no cookie. */
function expectForm(step: Step, answer: UserAgentResponse): void {
  const { status, headers } = answer
  if (status < 500) {
    if (step !== 'callback') expect(touchesSessionCookie(answer)).toBe(false)
    return
  }
  expect(headers.getSetCookie()).toEqual([])
  expect(headers.get('cache-control')).toBe('no-store')
  if (status === 503) expect(headers.get('retry-after') ?? '').toMatch(/^[1-9]\d*$/)
  else expect([headers.get('retry-after'), /again in a moment|try again/i.test(answer.text())]).toEqual([null, false])
  if (step === 'guarded fetch') {
    expect(headers.get('content-type')).toBe('application/problem+json')
    expect(answer.json()).toMatchObject({ status, code: expect.stringMatching(/_unavailable$/) as string })
  } else {
    expect(headers.get('content-type')).toContain('text/html')
  }
  expect(answer.text()).not.toMatch(/redis|socket|ECONN|READONLY|NOREPLICAS|OOM|certificate|JSON\b|fetch/i)
}

/** Faults emit an event whose `detail` says what happened. */
function expectTold(app: TestApp, { step, answered }: CellOutcome, detail: RegExp | undefined): void {
  const event = {
    '503 store': 'store_fault',
    '503 provider': 'provider_fault',
    '500 misconfigured': 'provider_fault',
    '502 response': 'login_failed',
  } as const
  const name = event[answered as keyof typeof event] as (typeof event)[keyof typeof event] | undefined
  if (name === undefined) return
  expect(listEvents(app, name)).toContainEqual(
    expect.objectContaining({ detail: expect.stringMatching(detail ?? /^$/) }),
  )
  if (step === 'callback' && name !== 'store_fault') expect(listEvents(app, 'login_failed')).not.toEqual([])
}
