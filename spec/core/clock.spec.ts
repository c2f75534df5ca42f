import { expect, it, vi } from 'vitest'
import { nowSeconds } from '../../lib/core/clock.ts'

it('the clock counts whole seconds, as tokens do', () => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_700_000_000_999 })
  expect(nowSeconds()).toBe(1_700_000_000)
})
