import { describe, expect, it } from 'vitest'
import { mapInBatches } from '../../lib/core/map-in-batches.ts'

describe('mapInBatches()', () => {
  it('returns the results in the order of the items, with at most 20 calls at a time', async () => {
    let running = 0
    let most = 0
    const items = Array.from({ length: 45 }, (_, index) => index)
    const results = await mapInBatches(items, async (item) => {
      most = Math.max(most, ++running)
      for (let turns = item % 3; turns >= 0; turns--) await Promise.resolve()
      running--
      return item * 2
    })
    expect(results).toEqual(items.map((item) => item * 2))
    expect(most).toBe(20)
  })

  it('rejects with the first error, and starts no further batch', async () => {
    const seen: number[] = []
    const items = Array.from({ length: 45 }, (_, index) => index)
    const work = async (item: number): Promise<void> => {
      seen.push(item)
      if (item === 3) throw new Error('no')
    }
    await expect(mapInBatches(items, work)).rejects.toThrow('no')
    expect(seen).toHaveLength(20)
  })
})
