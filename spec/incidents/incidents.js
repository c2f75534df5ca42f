/**
 * What went wrong in systems of this kind, each with the specs that hold that it does not here: published advisories and
 * fixes without a number, what users complained of, what others do under faults, and the faults of the older package
 * that this one succeeds. `node scripts/incidents.js` prints the list.
 */
import { titlesOf } from './titles.js'
import { classes } from './list/classes.js'
import { complaints } from './list/complaints.js'
import { faults } from './list/faults.js'
import { frameworks } from './list/frameworks.js'
import { nodePackages } from './list/node-packages.js'
import { predecessor } from './list/predecessor.js'
import { proxies } from './list/proxies.js'

/** @type {readonly import('./incident.js').Section[]} */
export const sections = [
  ...proxies,
  ...frameworks,
  ...nodePackages,
  ...classes,
  ...complaints,
  ...faults,
  ...predecessor,
]

/**
 * What is wrong with how the list names a spec; undefined where it is there and runs.
 *
 * @param {string} root
 * @param {import('./incident.js').Shown} spec
 * @returns {string | undefined}
 */
export function missing(root, { file, title, row, rowsIn }) {
  const titles = titlesOf(root, file)
  if (!titles) return `there is no ${file}`
  const found = titles.titles.filter(({ text }) => text === title)
  if (found.length === 0) return `${file} has no title '${title}'`
  if (found.every(({ skipped }) => skipped)) return `${file}: '${title}' is skipped`
  if (row === undefined) return undefined
  const table = rowsIn === undefined ? titles : titlesOf(root, rowsIn)
  return table?.texts.has(row) ? undefined : `${rowsIn ?? file} has no row '${row}'`
}

/**
 * What is wrong with an incident of the list: it must have specs that are there, or say why it has none.
 *
 * @param {string} root
 * @param {import('./incident.js').Incident} incident
 * @returns {string[]}
 */
export function faultsOf(root, { specs = [], later, notOurs }) {
  const reasons = [specs.length > 0, later !== undefined, notOurs !== undefined]
  if (!reasons.includes(true)) return ['it has no spec, and no reason to have none']
  return specs.flatMap((spec) => missing(root, spec) ?? [])
}
