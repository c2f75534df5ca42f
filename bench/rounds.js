/** Rounds of load in which all runs take turns, so that a temporary slowdown of the machine affects all of them. */
import { progress } from './figures.js'
import { load } from './load.js'

/**
 * @typedef {object} Run
 * @property {{ call: (command: string) => Promise<any> }} process
 * @property {import('./load.js').Target} target
 * @property {number[]} perSecond requests per second, one figure for each round
 * @property {number[]} cpu microseconds of processor time per request, one figure for each round
 * @property {number} [bytesEach] bytes of one response
 */

/** @param {readonly Run[]} runs @param {{ rounds: number, seconds: number }} settings */
export async function takeTurns(runs, { rounds, seconds }) {
  for (const run of runs) Object.assign(run, { perSecond: [], cpu: [] })
  for (let round = 0; round < rounds; round++) {
    // The first run of a round changes, so that no run always follows the same one.
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
