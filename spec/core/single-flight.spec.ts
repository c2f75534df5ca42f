import { describe, expect, it } from 'vitest'
import { SingleFlightMap, SingleFlight } from '../../lib/core/single-flight.ts'
import { Gate } from '../support/gate.ts'

describe('SingleFlight', () => {
  it(
    'runs work once for all callers that arrive while it runs, and again for later callers',
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
      const requested = [flight.run(work), flight.run(work), flight.run(work)]
      await gate.arrived
      expect(runs).toBe(1)
      expect(flight.isRunning).toBe(true)
      gate.open()
      expect(await Promise.all(requested)).toEqual([1, 1, 1])
      expect(flight.isRunning).toBe(false)
      expect(await flight.run(work)).toBe(2)
    },
  )

  it('rejects for all callers if the work fails, and does not keep the failure', async () => {
    const flight = new SingleFlight<string>()
    const fail = (): Promise<string> => Promise.reject(new Error('no'))
    const requested = await Promise.allSettled([flight.run(fail), flight.run(fail)])
    expect(requested.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(await flight.run(() => Promise.resolve('yes'))).toBe('yes')
  })
})

describe('SingleFlightMap', () => {
  it(
    'runs work once per name for all callers that arrive while it runs',
    { meta: { id: 'single-flight-2' } },
    async () => {
      const flights = new SingleFlightMap<string>()
      const gate = new Gate()
      const runs: string[] = []
      const work = (name: string) => async (): Promise<string> => {
        runs.push(name)
        await gate.pass()
        return `${name} ${runs.length}`
      }
      const results = [flights.run('a', work('a')), flights.run('a', work('a'))]
      await gate.arrived
      expect(runs).toEqual(['a'])
      gate.open()
      expect(await Promise.all(results)).toEqual(['a 1', 'a 1'])
    },
  )

  it('does not make work of one name wait for work of another', async () => {
    const flights = new SingleFlightMap<string>()
    const gate = new Gate()
    const waiting = flights.run('a', async () => {
      await gate.pass()
      return 'a'
    })
    expect(await flights.run('b', () => Promise.resolve('b'))).toBe('b')
    gate.open()
    expect(await waiting).toBe('a')
  })

  it('runs work again once it has finished or failed', async () => {
    const flights = new SingleFlightMap<number>()
    expect(await flights.run('a', () => Promise.resolve(1))).toBe(1)
    const failure = new Error('no')
    await expect(flights.run('a', () => Promise.reject(failure))).rejects.toBe(failure)
    expect(await flights.run('a', () => Promise.resolve(3))).toBe(3)
  })
})
