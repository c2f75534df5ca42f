import { beforeEach, describe, expect, it, vi } from 'vitest'
import { countFinished } from '../../lib/session/login-loop.ts'
import { firstSecret, place, sealsWith } from './support/browser.ts'

const { finished, details } = sealsWith()

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))

describe('countFinished()', () => {
  /** Finishes logins one after another in one browser, and returns for each whether it was one too many. */
  function finish(count: number, cookies: Map<string, string>): boolean[] {
    return Array.from({ length: count }, () => {
      const { cookie, tooMany } = countFinished(finished, place, cookies)
      cookies.set(cookie.name, cookie.value as string)
      return tooMany
    })
  }

  it(
    'reports the sixth finished login within a minute as one too many, and then counts from the start',
    { meta: { id: 'transaction-1' } },
    () => {
      expect(finish(7, new Map())).toEqual([false, false, false, false, false, true, false])
    },
  )

  it('does not count finished logins after a minute', () => {
    const cookies = new Map<string, string>()
    finish(5, cookies)
    vi.setSystemTime(Date.now() + 59_000)
    expect(countFinished(finished, place, cookies).tooMany).toBe(true)
    vi.setSystemTime(Date.now() + 1000)
    expect(finish(5, cookies)).toEqual([false, false, false, false, false])
  })

  it('counts in a cookie that only the instance can write', () => {
    const cookies = new Map<string, string>()
    finish(5, cookies)
    const [name, value] = [...cookies][0] as [string, string]
    expect(name).toBe(`${place.prefix}finished`)
    expect(countFinished(finished, place, new Map([[name, `${value}x`]])).tooMany).toBe(false)
    expect(countFinished(finished, place, new Map([[name, 'garbage']])).tooMany).toBe(false)
    for (const other of [sealsWith([firstSecret], 'theirs').finished, details]) {
      expect(countFinished(other, place, cookies).tooMany).toBe(false)
    }
    expect(countFinished(finished, place, cookies)).toMatchObject({ tooMany: true, cookie: { maxAgeSeconds: 60 } })
  })
})
