import { expect, it, vi } from 'vitest'
import { nowSeconds } from '../../lib/core/clock.ts'

it('nowSeconds() returns whole seconds, like the times in tokens', () => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_700_000_000_999 })
  expect(nowSeconds()).toBe(1_700_000_000)
})
