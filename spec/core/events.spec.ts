import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, it, vi } from 'vitest'
import { Events } from '../../lib/core/events.ts'
import { warningsOfSpecs } from '../support/warnings.ts'

const warnings = warningsOfSpecs()
const fields = { issuer: 'https://id.example.com', sub: 'alice', loginId: 'login-1' }

describe('Events', () => {
  it('calls each listener of an event with the instance name and the time, and no other listener', () => {
    const events = new Events('partner')
    const seen: unknown[] = []
    events.on('login', (event) => seen.push(['first', event]))
    events.on('login', (event) => seen.push(['second', event]))
    events.on('logout', () => seen.push('logout'))
    const before = Date.now() / 1000
    events.emit('login', fields)
    const event = { provider: 'partner', at: expect.any(Number) as number, ...fields }
    expect(seen).toEqual([
      ['first', event],
      ['second', event],
    ])
    const { at } = (seen[0] as [string, { at: number }])[1]
    expect(at).toBeGreaterThanOrEqual(before)
    expect(at).toBeLessThanOrEqual(Date.now() / 1000)
  })

  it('freezes an event, so that no listener can change it', () => {
    const events = new Events('default')
    let seen: object | undefined
    events.on('store_fault', (event) => (seen = event))
    events.emit('store_fault', { detail: 'down' })
    expect(Object.isFrozen(seen)).toBe(true)
  })

  it('does not call a removed listener, which may be removed twice', () => {
    const events = new Events('default')
    const listener = vi.fn<() => void>()
    const off = events.on('login', listener)
    events.emit('login', fields)
    off()
    off()
    events.emit('login', fields)
    expect(listener).toHaveBeenCalledTimes(1)
  })

  it('calls the other listeners when a listener removes itself', () => {
    const events = new Events('default')
    const seen: string[] = []
    const off = events.on('login', () => {
      seen.push('once')
      off()
    })
    events.on('login', () => seen.push('always'))
    events.emit('login', fields)
    events.emit('login', fields)
    expect(seen).toEqual(['once', 'always', 'always'])
  })

  it('calls the other listeners when one throws, and warns without its message', async () => {
    const events = new Events('default')
    const listener = vi.fn<() => void>()
    events.on('login', () => {
      throw new TypeError('a log with a secret in it')
    })
    events.on('login', () => {
      // eslint-disable-next-line no-throw-literal, typescript/only-throw-error
      throw 'a text'
    })
    events.on('login', listener)
    expect(() => events.emit('login', fields)).not.toThrow()
    expect(listener).toHaveBeenCalledTimes(1)
    expect(warnings.map(({ message }) => message)).toEqual([
      "a listener of the event 'login' threw TypeError; catch its errors",
      "a listener of the event 'login' threw a value; catch its errors",
    ])
  })

  it('catches the rejection of an asynchronous listener, and warns', async () => {
    const rejections: unknown[] = []
    const note = (reason: unknown): void => void rejections.push(reason)
    // Vitest also listens and would fail the run before the test can check that there is no rejection.
    const others = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    process.on('unhandledRejection', note)
    try {
      const events = new Events('default')
      events.on('login', async () => {
        await Promise.resolve()
        throw new Error('the log is full')
      })
      events.emit('login', fields)
      // Node detects unhandled rejections after the microtasks.
      await new Promise((resolve) => setImmediate(resolve))
    } finally {
      process.off('unhandledRejection', note)
      for (const other of others) process.on('unhandledRejection', other)
    }
    expect(rejections).toEqual([])
    expect(warnings).toMatchObject([{ code: 'OIDC_LISTENER_FAILED' }])
  })

  it('publishes an event on node:diagnostics_channel, even without listeners', () => {
    const seen: unknown[] = []
    const subscriber = (message: unknown, name: string | symbol): void => void seen.push([name, message])
    subscribe('express-session-oidc:denied', subscriber)
    try {
      new Events('default').emit('denied', { code: 'not_allowed', status: 403, sub: 'bob', detail: 'missing role: x' })
    } finally {
      unsubscribe('express-session-oidc:denied', subscriber)
    }
    expect(seen).toEqual([
      [
        'express-session-oidc:denied',
        {
          provider: 'default',
          at: expect.any(Number) as number,
          code: 'not_allowed',
          status: 403,
          sub: 'bob',
          detail: 'missing role: x',
        },
      ],
    ])
  })

  it('creates no event if nobody listens', () => {
    const now = vi.spyOn(Date, 'now')
    new Events('default').emit('login', fields)
    expect(now).not.toHaveBeenCalled()
  })
})

describe('a late subscriber of a diagnostics channel', () => {
  it('receives all later events, even after a garbage collection', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const events = new Events('default')
    const fault = { detail: undefined }
    events.emit('store_fault', fault)
    // Objects that a turn of the event loop has created are kept until its end.
    await new Promise((resolve) => setImmediate(resolve))
    collect()
    let heard = 0
    const listener = (): void => void heard++
    subscribe('express-session-oidc:store_fault', listener)
    // Finalizers run in turns after the garbage collection.
    for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve))
    collect()
    events.emit('store_fault', fault)
    unsubscribe('express-session-oidc:store_fault', listener)
    expect(heard).toBe(1)
  })
})
