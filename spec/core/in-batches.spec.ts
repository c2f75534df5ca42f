import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { inBatches } from '../../lib/core/in-batches.ts'

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

describe('inBatches()', () => {
  it.each([0, 1, 20, 21, 45])('returns the results of %i items in their order', async (count) => {
    const results = await inBatches(numbers(count), async (n) => {
      // Later items of a batch are done first.
      for (let waits = count - n; waits > 0; waits--) await turn()
      return n * 2
    })
    expect(results).toEqual(numbers(count).map((n) => n * 2))
  })

  it('works on 20 items at a time', async () => {
    let running = 0
    let most = 0
    await inBatches(numbers(50), async () => {
      most = Math.max(most, ++running)
      await turn()
      running--
    })
    expect(most).toBe(20)
  })

  it('starts no further batch after a failure', async () => {
    let begun = 0
    const work = async (n: number): Promise<void> => {
      begun++
      if (n === 3) throw new Error('no')
    }
    await expect(inBatches(numbers(50), work)).rejects.toThrow('no')
    expect(begun).toBe(20)
  })
})
