import { customProvider, LoginRefused } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { flow, listEvents } from '../../support/flow.ts'
import { startForFaults } from '../../support/misbehaviour.ts'

const world = flow()

/** Logs in with this rule, and returns the status of the page and the events of failed logins. */
async function logInWith(
  codeScope: (requested: readonly string[]) => unknown,
): Promise<{ status: number; scope: unknown; failed: Record<string, unknown>[] }> {
  const { issuer } = world.provider
  const provider = customProvider({ issuer, codeScope: codeScope as () => undefined })
  const app = await startForFaults(world, { options: { provider } })
  const page = await app.agent().get('/profile')
  const scope = page.status === 200 ? page.json()['scope'] : undefined
  return { status: page.status, scope, failed: listEvents(app, 'login_failed') }
}

describe('the rule codeScope', () => {
  it.each<[string, string, () => unknown]>([
    [
      'throws',
      'Error: out of order',
      () => {
        throw new Error('out of order')
      },
    ],
    ['returns a string', 'TypeError: the returned value', () => 'openid'],
    ['returns null', 'TypeError: the returned value', () => null],
    ['returns an array of numbers', 'TypeError: the returned value', () => [1]],
    ['returns a promise', 'TypeError: the returned value', () => Promise.resolve(['openid'])],
  ])('fails the login with hook_failed and its name if it %s', async (_what, detail, codeScope) => {
    const { status, failed } = await logInWith(codeScope)
    expect(status).toBe(500)
    expect(failed).toMatchObject([
      { code: 'hook_failed', detail: expect.stringContaining(`\`codeScope\` failed: ${detail}`) },
    ])
  })

  it('may refuse the login', async () => {
    const { status, failed } = await logInWith(() => {
      throw new LoginRefused('Not for this application.')
    })
    expect({ status, failed }).toMatchObject({ status: 403, failed: [{ code: 'login_refused' }] })
  })

  it('leaves the requested scope to the login', async () => {
    expect((await logInWith(() => ['openid'])).scope).toEqual(['openid', 'profile', 'email'])
  })
})
