/** The cost of the callback, the last request of a login, for the server. */
import { figure, heading, median, medianRatio, progress, table } from '../figures.js'
import { logIn, startSubject } from '../login.js'
import { startProcess, startRedis } from '../processes.js'
import { ours, subjects } from '../subjects.js'

const loginsEach = 20

/** @param {import('../main.js').Settings} settings */
export async function callback({ rounds }) {
  heading('Callback')
  const redis = await startRedis()
  const provider = await startProcess('provider.js')
  const runs = []
  for (const subject of subjects) {
    if (subject.name === 'bare' || subject.name === 'express-session-no-touch') continue
    const running = await startSubject(subject, { redis, provider, times: true })
    for (let login = 0; login < 3 * loginsEach; login++) await logIn(running)
    await running.process.call('callbacks')
    runs.push({ ...running, wall: [0], without: [0], cpu: [0] })
  }
  for (const run of runs) Object.assign(run, { wall: [], without: [], cpu: [] })
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < runs.length; turn++) {
      const run = runs[(round + turn) % runs.length]
      for (let login = 0; login < loginsEach; login++) await logIn(run)
      /** @type {import('../server.js').Callback[]} */
      const callbacks = await run.process.call('callbacks')
      if (callbacks.length !== loginsEach) throw new Error(`${run.name}: ${callbacks.length} callbacks`)
      run.wall.push(median(callbacks.map(({ wallMs }) => wallMs)))
      run.without.push(median(callbacks.map(({ wallMs, providerMs }) => wallMs - providerMs)))
      run.cpu.push(median(callbacks.map(({ cpuMs }) => cpuMs)))
    }
    progress(`round ${round + 1} of ${rounds}`)
  }
  progress('')
  const own = runs.find(({ name }) => name === ours)
  console.log(
    table([
      ['', 'ms in total', 'ms without the provider', 'CPU ms', 'its time/ours', 'by CPU'],
      ...runs.map(({ label, wall, without, cpu }) => [
        label,
        figure(median(wall), 2),
        figure(median(without), 2),
        figure(median(cpu), 2),
        `${figure(medianRatio(without, own.without), 2)} x`,
        `${figure(medianRatio(cpu, own.cpu), 2)} x`,
      ]),
    ]),
  )
  console.log(
    `\nMedians of ${rounds} rounds of ${loginsEach} logins, one after the other, from the request for the redirect URI ` +
      'to the end of its response. "Without the provider" leaves out the time that fetch waited for it. CPU time is that ' +
      'of the whole process.',
  )
}
