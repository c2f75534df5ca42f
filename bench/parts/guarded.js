/** Guarded requests per second, and the processor time of one request on the server. */
import { writeFileSync } from 'node:fs'
import { chart } from '../chart.js'
import { figure, heading, median, medianRatio, table } from '../figures.js'
import { connections, load, warmUp } from '../load.js'
import { startSubject, getTarget } from '../login.js'
import { startProcess, startRedis } from '../processes.js'
import { takeTurns } from '../rounds.js'
import { ours, subjects } from '../subjects.js'

/** @param {import('../main.js').Settings} settings */
export async function guarded({ rounds, seconds, chartFile }) {
  heading('Guarded requests')
  const redis = await startRedis()
  const provider = await startProcess('provider.js')
  const runs = []
  for (const subject of subjects) {
    const running = await startSubject(subject, { redis, provider })
    runs.push({ ...running, target: await getTarget(running), perSecond: [0], cpu: [0], bytesEach: 0 })
  }
  const sizes = await provider.call('sizes')
  const total = Object.values(sizes).reduce((sum, size) => sum + size, 0)
  console.log(
    `${connections} connections, ${rounds} rounds of ${seconds} s per subject, all subjects in turn in each round; ` +
      `tokens of ${total} bytes (${Object.entries(sizes)
        .map(([name, size]) => `${name} ${size}`)
        .join(', ')}).\n`,
  )

  for (const run of runs) await load(run.target, warmUp)
  await takeTurns(runs, { rounds, seconds })
  const own = runs.find(({ name }) => name === ours)
  const results = runs.map(({ name, label, goal, perSecond, cpu, bytesEach }) => ({
    name,
    label,
    goal,
    perSecond: median(perSecond),
    lowest: Math.min(...perSecond),
    highest: Math.max(...perSecond),
    cpu: median(cpu),
    bytesEach,
    ratio: medianRatio(own.perSecond, perSecond),
    cpuRatio: medianRatio(cpu, own.cpu),
  }))
  console.log(
    table([
      ['', 'requests/s', 'lowest', 'highest', 'CPU us/request', 'bytes/answer', 'ours is', 'by CPU', 'goal'],
      ...results.map((one) => [
        one.label,
        figure(one.perSecond),
        figure(one.lowest),
        figure(one.highest),
        figure(one.cpu),
        figure(one.bytesEach),
        `${figure(one.ratio, 2)} x`,
        `${figure(one.cpuRatio, 2)} x`,
        one.goal === undefined ? '' : `${one.goal} x`,
      ]),
    ]),
  )
  if (chartFile) {
    writeFileSync(chartFile, chart(results.filter(({ name }) => name !== 'floor')))
    console.log(`\nThe chart is in ${chartFile}.`)
  }
  return results
}
