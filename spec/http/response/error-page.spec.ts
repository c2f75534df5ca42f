import { createHash } from 'node:crypto'
import type { UserAgentResponse } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { flow } from '../../support/flow.ts'

const world = flow()

const page = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
const ask = { ...page, 'sec-fetch-site': 'cross-site' }
const guards = ['content-security-policy', 'x-frame-options', 'x-content-type-options'] as const

function getGuards(answer: UserAgentResponse): (string | null)[] {
  return guards.map((name) => answer.headers.get(name))
}

describe('a page of the package', () => {
  it('allows only its own style and a form to the same origin, and no framing', async () => {
    const app = await world.start()
    const answer = await app.agent().get('/logout', { headers: ask })
    const style = /<style>(.*)<\/style>/s.exec(answer.text())?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    const policy = [
      "default-src 'none'",
      `style-src 'sha256-${hash}'`,
      "form-action 'self'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ]
    expect(getGuards(answer)).toEqual([policy.join('; '), 'DENY', 'nosniff'])
  })

  it('keeps the headers that the application sets for all its pages', async () => {
    const own = { 'content-security-policy': "default-src 'self'", 'x-frame-options': 'SAMEORIGIN' }
    const app = await world.start({
      before: (express) =>
        void express.use((_req, res, next) => {
          res.set(own)
          next()
        }),
    })
    const answer = await app.agent().get('/logout', { headers: ask })
    expect(getGuards(answer)).toEqual([...Object.values(own), 'nosniff'])
  })
})

describe('a JSON response of the package', () => {
  it('sends JSON from a guard and from a logout with nosniff and no-store', async () => {
    const app = await world.start()
    const agent = app.agent()
    expect((await agent.get('/profile')).status).toBe(200)
    for (const answer of [await app.agent().fetch('/profile'), await agent.fetch('/logout', { method: 'POST' })]) {
      expect(answer.headers.get('content-type')).toMatch(/json/)
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(answer.headers.get('cache-control')).toBe('no-store')
    }
  })
})
