/** Rounds of load in which all take their turn, so that what slows the machine for a while slows all. */
import { progress } from './figures.js'
import { load } from './load.js'

/**
 * @typedef {object} Run
 * @property {{ call: (command: string) => Promise<any> }} process
 * @property {import('./load.js').Target} target
 * @property {number[]} perSecond requests, a figure for each round
 * @property {number[]} cpu microseconds of the process a request, a figure for each round
 * @property {number} [bytesEach] of an answer
 */

/** @param {readonly Run[]} runs @param {{ rounds: number, seconds: number }} settings */
export async function takeTurns(runs, { rounds, seconds }) {
  for (const run of runs) Object.assign(run, { perSecond: [], cpu: [] })
  for (let round = 0; round < rounds; round++) {
    // Each begins once, so that none always follows the same other.
    for (let turn = 0; turn < runs.length; turn++) {
      const run = runs[(round + turn) % runs.length]
      const before = await run.process.call('cpu')
      const { count, perSecond, bytesEach } = await load(run.target, { seconds })
      const after = await run.process.call('cpu')
      run.perSecond.push(perSecond)
      run.cpu.push((after.user + after.system - before.user - before.system) / count)
      run.bytesEach = bytesEach
    }
    progress(`round ${round + 1} of ${rounds}`)
  }
  progress('')
}
