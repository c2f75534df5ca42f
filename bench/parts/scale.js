/** Guarded requests with few and many logins in Redis, and the memory of a login. */
import { figure, heading, median, medianRatio, table } from '../figures.js'
import { fill, fitting } from '../fill.js'
import { connections, load, warmUp } from '../load.js'
import { startProcess } from '../processes.js'
import { takeTurns } from '../rounds.js'

/** This package, with routes that list and end logins. */
export const subject = { name: 'express-session-oidc-logins', label: '', note: '' }
export const few = 1000
/** Logins that are used in turn. */
const inUse = 1000
/** Requests that are each the first of their session. */
const strangers = 60_000

/** @param {import('../main.js').Settings} settings */
export async function scale({ rounds, seconds, sessions }) {
  heading('Logins in Redis')
  const provider = await startProcess('provider.js')
  const small = await fill(subject, provider, few, few)
  const many = fitting(sessions, small.bytesOfLogin)
  const middle = await fill(subject, provider, many / 10, inUse)
  const large = await fill(subject, provider, many, inUse + strangers)
  const runs = [
    { label: `${figure(small.count)} logins`, ...small, target: small.target(0, inUse) },
    {
      label: `${figure(middle.count)} logins, ${figure(inUse)} of them in use`,
      ...middle,
      target: middle.target(0, inUse),
    },
    {
      label: `${figure(large.count)} logins, ${figure(inUse)} of them in use`,
      ...large,
      target: large.target(0, inUse),
    },
    {
      label: `${figure(large.count)} logins, a different login at each request`,
      ...large,
      target: large.target(inUse, inUse + strangers),
    },
  ].map((run) => ({ ...run, perSecond: [0], cpu: [0] }))
  for (const run of runs) await load(run.target, warmUp)
  await takeTurns(runs, { rounds, seconds })
  const [first] = runs
  console.log(`${connections} connections, ${rounds} rounds of ${seconds} s each, one process. Ten logins per user.\n`)
  console.log(
    table([
      [
        '',
        'MB in Redis',
        'bytes each',
        'requests/s',
        'lowest',
        'highest',
        'CPU us/request',
        `cost relative to ${figure(first.count)}`,
        'by CPU',
      ],
      ...runs.map(({ label, megabytes, bytesOfLogin, perSecond, cpu }) => [
        label,
        figure(megabytes),
        figure(bytesOfLogin),
        figure(median(perSecond)),
        figure(Math.min(...perSecond)),
        figure(Math.max(...perSecond)),
        figure(median(cpu)),
        `${figure(medianRatio(first.perSecond, perSecond), 2)} x`,
        `${figure(medianRatio(cpu, first.cpu), 2)} x`,
      ]),
    ]),
  )
  console.log(
    '\nThe first request of a session within a minute renews it, which no response waits for. In the last row, that is ' +
      'the second command of each request.',
  )
}
