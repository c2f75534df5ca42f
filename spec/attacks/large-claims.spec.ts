/**
 * A provider that lets a user enter claims of any size, for example a picture as a data URL. Each guarded request reads the
 * user of its login, so what is stored of the claims is bounded.
 */
import { describe, expect, it, vi } from 'vitest'
import type { OidcOptions } from 'express-session-oidc'
import type { UserAgent } from 'express-session-oidc/testing'
import { MemoryRecords } from '../../lib/store/memory-records.ts'
import type { TestApp } from '../support/app.ts'
import { passMs, stopClocks } from '../support/clocks.ts'
import { flow } from '../support/flow.ts'
import { tokenRoutes } from '../support/token-routes.ts'
import { warningsOfSpecs } from '../support/warnings.ts'

const world = flow()
const warnings = warningsOfSpecs()
const picture = `data:image/png;base64,${'A'.repeat(300_000)}`

interface Stage {
  readonly app: TestApp
  readonly agent: UserAgent
  /** The size of the largest login record that was written. */
  readonly largest: () => number
}

/** An application whose records are in memory. */
async function begin(options: Partial<OidcOptions> = {}): Promise<Stage> {
  const records = new MemoryRecords()
  const writes = (['set', 'add', 'replace'] as const).map((name) => vi.spyOn(records, name))
  const app = await world.start({ routes: tokenRoutes, options: { records, ...options } })
  return {
    app,
    agent: app.agent(),
    largest: () =>
      Math.max(
        ...writes
          .flatMap(({ mock }) => mock.calls as unknown[][])
          .flat()
          .filter((text): text is string => typeof text === 'string' && text.includes('"loginId"'))
          .map((text) => text.length),
      ),
  }
}

async function expectBounded({ agent, largest }: Stage): Promise<void> {
  const { user } = (await agent.get('/profile')).json() as { user: Record<string, unknown> }
  expect(user).toMatchObject({ sub: 'alice', email: 'alice@example.com' })
  expect(user).not.toHaveProperty('picture')
  expect(largest()).toBeGreaterThan(100)
  expect(largest()).toBeLessThan(70_000)
  const dropped = warnings.filter(({ code }) => code === 'OIDC_CLAIMS_DROPPED')
  expect(dropped).toMatchObject([{ message: expect.stringContaining('"picture"') }])
}

describe('a claim of 300 kB', () => {
  it('is not stored at a login', async () => {
    const stage = await begin()
    world.provider.misbehave({ idToken: { claims: (claims) => ({ ...claims, picture }) } })
    await stage.agent.get('/profile')
    await expectBounded(stage)
  })

  it('is not stored at a refresh', async () => {
    stopClocks()
    const stage = await begin()
    await stage.agent.get('/profile')
    world.provider.misbehave({ idToken: { claims: (claims) => ({ ...claims, picture }) } })
    passMs(3600_000)
    await stage.agent.get('/token')
    expect(world.provider.requestsTo('token')).toHaveLength(2)
    await expectBounded(stage)
  })

  it('is not stored if it comes from userinfo', async () => {
    const stage = await begin({ userInfo: true })
    world.provider.misbehave({ userInfo: { claims: (claims) => ({ ...claims, picture }) } })
    await stage.agent.get('/profile')
    await expectBounded(stage)
  })
})
