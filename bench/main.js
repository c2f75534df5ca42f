/** Runs the bench: `npm run bench` at the root, or `npm run bench -- <part>...` for some parts. */
import { parseArgs } from 'node:util'
import { resolve } from 'node:path'
import { cpus } from 'node:os'
import { bearer } from './parts/bearer.js'
import { callback } from './parts/callback.js'
import { guarded } from './parts/guarded.js'
import { logout } from './parts/logout.js'
import { profile } from './parts/profile.js'
import { redis } from './parts/redis.js'
import { refresh } from './parts/refresh.js'
import { scale } from './parts/scale.js'
import { stopAll } from './processes.js'

/**
 * @typedef {object} Settings
 * @property {number} rounds
 * @property {number} seconds per subject and round
 * @property {number} sessions in the largest Redis
 * @property {string | undefined} chartFile
 */

/** @type {Record<string, (settings: Settings) => Promise<unknown>>} */
const parts = { guarded, redis, callback, scale, logout, profile, bearer, refresh }

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '3' },
    sessions: { type: 'string', default: '1000000' },
    chart: { type: 'string' },
  },
  allowPositionals: true,
})
/** @param {'rounds' | 'seconds' | 'sessions'} name */
const number = (name) => {
  const value = Number(values[name])
  if (value > 0 && Number.isFinite(value)) return value
  throw new Error(`--${name} ${values[name]} is not a number above 0`)
}
const settings = {
  rounds: number('rounds'),
  seconds: number('seconds'),
  sessions: number('sessions'),
  chartFile: values.chart === undefined ? undefined : resolve(process.env['INIT_CWD'] ?? '', values.chart),
}
const wanted = positionals.length > 0 ? positionals : Object.keys(parts)
const unknown = wanted.find((name) => !Object.hasOwn(parts, name))
if (unknown !== undefined) throw new Error(`there is no part "${unknown}"; use one of ${Object.keys(parts).join(', ')}`)

console.log(
  `Node ${process.version}, ${cpus().length} processors (${cpus()[0]?.model.trim()}), ${new Date().toISOString().slice(0, 10)}`,
)
try {
  for (const name of wanted) {
    await parts[name]?.(settings)
    await stopAll()
  }
} finally {
  await stopAll()
}
