import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, it, vi } from 'vitest'
import { Events } from '../../lib/core/events.ts'
import { warningsGiven, warningsOfSpecs } from '../support/warnings.ts'

const warnings = warningsOfSpecs()
const fields = { issuer: 'https://id.example.com', sub: 'alice', loginId: 'login-1' }

describe('an event', () => {
  it('reaches each of its listeners with the name of the instance and the time, and no other', () => {
    const events = new Events('partner')
    const seen: unknown[] = []
    events.on('login', (event) => seen.push(['first', event]))
    events.on('login', (event) => seen.push(['second', event]))
    events.on('logout', () => seen.push('logout'))
    const before = Date.now()
    events.emit('login', fields)
    const event = { provider: 'partner', at: expect.any(Number) as number, ...fields }
    expect(seen).toEqual([
      ['first', event],
      ['second', event],
    ])
    const { at } = (seen[0] as [string, { at: number }])[1]
    expect(at).toBeGreaterThanOrEqual(before)
    expect(at).toBeLessThanOrEqual(Date.now())
  })

  it('cannot be altered by a listener', () => {
    const events = new Events('default')
    let seen: object | undefined
    events.on('store_fault', (event) => (seen = event))
    events.emit('store_fault', { detail: 'down' })
    expect(Object.isFrozen(seen)).toBe(true)
  })

  it('does not reach a listener that was taken off, which can be done twice', () => {
    const events = new Events('default')
    const listener = vi.fn<() => void>()
    const off = events.on('login', listener)
    events.emit('login', fields)
    off()
    off()
    events.emit('login', fields)
    expect(listener).toHaveBeenCalledTimes(1)
  })

  it('reaches the others when a listener takes itself off meanwhile', () => {
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

  it('goes on past a listener that throws, which is told without what it threw', async () => {
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
    await warningsGiven()
    expect(warnings.map(({ message }) => message)).toEqual([
      "a listener of the event 'login' threw: TypeError",
      "a listener of the event 'login' threw: error",
    ])
  })

  it('fails nothing either where a listener is asynchronous and rejects', async () => {
    const rejections: unknown[] = []
    const note = (reason: unknown): void => void rejections.push(reason)
    // Vitest listens too and fails the run; what counts here is whether there is anything to listen to.
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
      // Unhandled rejections are found once the microtasks are done.
      await warningsGiven()
      await warningsGiven()
    } finally {
      process.off('unhandledRejection', note)
      for (const other of others) process.on('unhandledRejection', other)
    }
    expect(rejections).toEqual([])
    expect(warnings).toMatchObject([{ code: 'OIDC_LISTENER_FAILED' }])
  })

  it('is published by node:diagnostics_channel, also where nobody listens here', () => {
    const seen: unknown[] = []
    const subscriber = (message: unknown, name: string | symbol): void => void seen.push([name, message])
    subscribe('express-session-oidc:denied', subscriber)
    try {
      new Events('default').emit('denied', { code: 'not_allowed', status: 403, sub: 'bob', detail: 'lacking: role x' })
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
          detail: 'lacking: role x',
        },
      ],
    ])
  })

  it('is not even made where nobody listens', () => {
    const now = vi.spyOn(Date, 'now')
    new Events('default').emit('login', fields)
    expect(now).not.toHaveBeenCalled()
  })
})

describe('who subscribes to a channel after its first events', () => {
  it('hears all that follow, whatever was collected as garbage meanwhile', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const events = new Events('default')
    const fault = { detail: undefined }
    events.emit('store_fault', fault)
    // What a turn has made is kept until its end.
    await new Promise((resolve) => setImmediate(resolve))
    collect()
    let heard = 0
    const listener = (): void => void heard++
    subscribe('express-session-oidc:store_fault', listener)
    // What is to be done about garbage is done behind it.
    for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve))
    collect()
    events.emit('store_fault', fault)
    unsubscribe('express-session-oidc:store_fault', listener)
    expect(heard).toBe(1)
  })
})
