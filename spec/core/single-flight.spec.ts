import { describe, expect, it } from 'vitest'
import { SingleFlight } from '../../lib/core/single-flight.ts'
import { Gate } from '../support/gate.ts'

describe('a single flight', () => {
  it(
    'runs once for all who ask while it runs, and anew for who asks later',
    { meta: { id: 'single-flight-1' } },
    async () => {
      const flight = new SingleFlight<number>()
      const gate = new Gate()
      let runs = 0
      const work = async (): Promise<number> => {
        runs++
        await gate.pass()
        return runs
      }
      const asked = [flight.run(work), flight.run(work), flight.run(work)]
      await gate.arrived
      expect(runs).toBe(1)
      expect(flight.isRunning).toBe(true)
      gate.open()
      expect(await Promise.all(asked)).toEqual([1, 1, 1])
      expect(flight.isRunning).toBe(false)
      expect(await flight.run(work)).toBe(2)
    },
  )

  it('tells all who asked of a failure, and keeps none', async () => {
    const flight = new SingleFlight<string>()
    const fail = (): Promise<string> => Promise.reject(new Error('no'))
    const asked = await Promise.allSettled([flight.run(fail), flight.run(fail)])
    expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await flight.run(() => Promise.resolve('yes'))).toBe('yes')
  })
})
