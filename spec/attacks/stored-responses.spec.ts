/**
 * Anybody can begin a login and post an authorization response to it. What the store keeps of such a response is bounded,
 * whatever the form contains.
 */
import type { UserAgent, UserAgentResponse } from 'express-session-oidc/testing'
import { describe, expect, it, vi } from 'vitest'
import { MemoryRecords } from '../../lib/store/memory-records.ts'
import type { TestApp } from '../support/app.ts'
import { flow, listEvents, readLocation } from '../support/flow.ts'

const world = flow()

/** Maximum characters that the store keeps of one response. */
const mostStored = 8 * 1024

interface Attack {
  readonly app: TestApp
  readonly agent: UserAgent
  /** The lengths of the responses that were stored. */
  readonly stored: () => number[]
  /** Begins a login at a page, and posts these fields to it. */
  readonly post: (fields: Record<string, string>, page?: string) => Promise<UserAgentResponse>
}

async function begin(): Promise<Attack> {
  const records = new MemoryRecords()
  const add = vi.spyOn(records, 'add')
  const app = await world.start({
    options: { responseMode: 'form_post', records },
    routes: (express, oidc) => void express.get('/open', oidc.trySilentLogin(), (_req, res) => void res.send('open')),
  })
  const agent = app.agent({ site: (url) => url.origin })
  return {
    app,
    agent,
    stored: () =>
      add.mock.calls.filter(([key]) => 'kind' in key && key.kind === 'response').map(([, text]) => text.length),
    async post(fields, page = '/login') {
      const begun = await agent.get(page, { redirect: 'manual' })
      const state = new URL(readLocation(begun)).searchParams.get('state') ?? ''
      return agent.post('/callback', { state, ...fields }, { from: world.provider.issuer, redirect: 'manual' })
    },
  }
}

describe('a form of up to 64 kB that is posted to a login in progress', () => {
  it.each(['junk', 'id_token', 'response', 'user', 'error_uri', 'session_state', 'error', 'error_description'])(
    'stores at most 8 kB if the parameter %s is large',
    async (name) => {
      const { stored, post } = await begin()
      const answer = await post({ code: 'c'.repeat(1000), [name]: 'x'.repeat(60_000) })
      expect(answer.status).toBe(303)
      expect(stored()).toHaveLength(1)
      expect(stored()[0]).toBeLessThan(mostStored)
    },
  )

  it.each(['code', 'iss'])('is answered 413 and stores nothing if the parameter %s is large', async (name) => {
    const { app, agent, stored, post } = await begin()
    const answer = await post({ code: 'c', [name]: 'x'.repeat(60_000) })
    expect(answer.status).toBe(413)
    expect(answer.text()).toContain('too large')
    expect(stored()).toEqual([])
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'request_invalid', status: 413 }])
    // The browser can log in after that.
    expect((await agent.get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
  })

  it('leads back to the public page, and reports the size, if a silent login has a large code', async () => {
    const { app, agent, stored, post } = await begin()
    const answer = await post({ code: 'x'.repeat(60_000) }, '/open')
    expect(answer.status).toBe(303)
    expect(stored()).toEqual([])
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'request_invalid', status: 413 }])
    expect((await agent.get(readLocation(answer))).text()).toBe('open')
  })
})

describe('a code as long as those of Azure AD B2C', () => {
  it('reaches the token endpoint unchanged', async () => {
    const { agent, post, stored } = await begin()
    const code = 'c'.repeat(5500)
    const answer = await post({ code, iss: world.provider.issuer })
    expect(stored()[0]).toBeLessThan(mostStored)
    await agent.get(readLocation(answer))
    expect(world.provider.requestsTo('token').map(({ params }) => params.get('code'))).toEqual([code])
  })
})
