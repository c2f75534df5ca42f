import { expect, it } from 'vitest'
import { remember } from '../../lib/testing/state.ts'

it('remember() keeps the map small over many logins, and never removes a live entry', () => {
  const entries = new Map<string, { dead: boolean }>()
  let largest = 0
  for (let login = 0; login < 20_000; login++) {
    remember(entries, `login-${login}`, { dead: login % 1000 > 10 }, ({ dead }) => dead)
    largest = Math.max(largest, entries.size)
  }
  expect(largest).toBeLessThan(2500)
  expect([...entries.values()].filter(({ dead }) => !dead)).toHaveLength(20 * 11)
})
