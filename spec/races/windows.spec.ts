import { describe, expect, it, vi } from 'vitest'
import type { Stall } from './support/actors.ts'
import { inTurn } from './support/arbitraries.ts'
import type { CommandFault } from './support/client.ts'
import { inMemory } from './support/places.ts'
import type { Former, Op } from './support/ops.ts'
import { stageOfFile } from './support/stage.ts'

// Pauses are steps too.
vi.mock('node:timers/promises', async (original) => {
  const { pause } = await import('./support/actors.ts')
  return { ...(await original<typeof import('node:timers/promises')>()), setTimeout: pause }
})

const stage = stageOfFile(inMemory)

const login = (sub: string, copy: 0 | 1 = 0): Op => ({
  kind: 'login',
  name: sub === 'alice' || sub === 'bob' ? 'default' : 'partner',
  sub,
  copy,
})
const logout = (name: 'default' | 'partner'): Op => ({ kind: 'logout', name })

/** Before the former session's logins are taken over, and right after that. */
const takesOver = /^compare and set oidc:\{sess:\S+\}$/
const hasTakenOver = /^answer to compare and set oidc:\{sess:\S+\}$/
/** The last command of a login before the takeover. */
const isAboutTo = /^(?:set {2}oidc:\S+:moved|compare and set oidc:\{sess:\S+\})$/
const ends = /^compare and (?:set|delete) oidc:/

/** Plays requests with these stalls, and expects nothing wrong. */
async function played(
  former: Former,
  ops: readonly Op[],
  stalls: readonly Stall[],
  fault?: CommandFault,
): Promise<void> {
  const { log, wrong } = await stage().play({ former, ops, stalls, fault }, inTurn())
  expect(wrong, `in this order:\n${log.join('\n')}\n`).toEqual([])
}

describe('between the end of the former session\u2019s logins and its deletion', () => {
  it('another login finds the former logins ended, and shows nobody the former user\u2019s data', async () => {
    const stalls = [
      { actor: 1, at: takesOver },
      { actor: 0, at: hasTakenOver },
    ]
    await played('alice', [login('bob'), login('dora')], stalls)
    await played('dora', [login('bob'), login('alice')], stalls)
    await played('alice', [login('dora'), login('erik')], stalls)
  })

  it('another login does not mislead a logout, which ends the login in the session where it is now', async () => {
    const stalls = [
      { actor: 1, at: isAboutTo },
      { actor: 0, at: hasTakenOver },
      { actor: 2, at: 0 },
    ]
    await played('dora', [login('bob'), login('alice'), logout('partner')], stalls)
    await played('alice', [login('dora'), login('erik'), logout('default')], stalls)
  })

  it('a read-only request leaves the state that a login needs after a lost reply of the store', async () => {
    // One of these commands takes over the former session's logins. Whichever it is, its reply is lost.
    for (let command = 4; command < 12; command++) {
      const fault = { actor: 0, command, mode: 'lost' } as const
      for (const op of [{ kind: 'who' }, { kind: 'put' }, { kind: 'guarded', name: 'default' }] as const) {
        const stalls = [
          { actor: 1, at: 0 },
          { actor: 0, at: hasTakenOver },
        ]
        await played('alice', [login('bob'), op], stalls, fault)
        await played('alice and dora', [login('erik'), op], stalls, fault)
      }
    }
  })

  it('a login that fails undoes only its own changes, and a logout still finds the login to end', async () => {
    const stalls = [
      { actor: 0, at: isAboutTo },
      { actor: 1, at: hasTakenOver },
      { actor: 2, at: 0 },
    ]
    for (let command = 4; command < 12; command++) {
      for (const mode of ['refused', 'lost'] as const) {
        const fault = { actor: 0, command, mode }
        await played('alice', [login('bob'), login('dora'), logout('default')], stalls, fault)
        await played('alice', [login('dora'), login('erik'), logout('default')], stalls, fault)
      }
    }
  })
})

describe('before a login is complete', () => {
  it('no logout finds the session of an unfinished login, even if two logouts run at once', async () => {
    const stalls = [
      { actor: 2, at: ends },
      { actor: 0, at: takesOver },
    ]
    const ops = [login('dora', 1), logout('default'), logout('default')]
    await played('alice and dora', ops, stalls)
  })
})

describe('while the result of a refresh is being written', () => {
  const token = { kind: 'token', name: 'partner' } as const

  it('a login that takes over the refreshed login takes over its new tokens too', async () => {
    // Between any two steps: one may find the login, and the next one may find its tokens moved.
    for (let at = 8; at < 20; at++) {
      const stalls = [
        { actor: 1, at: 0 },
        { actor: 0, at },
      ]
      await played('dora', [token, login('alice')], stalls)
      await played('alice and dora', [token, login('alice')], stalls)
    }
  })

  it('a logout during a refresh is final, and the refreshed tokens are of no use', async () => {
    for (let at = 8; at < 20; at++) {
      const stalls = [
        { actor: 1, at: 0 },
        { actor: 0, at },
      ]
      await played('dora', [token, logout('partner')], stalls)
      await played('alice and dora', [token, logout('partner'), logout('default')], stalls)
    }
  })
})
