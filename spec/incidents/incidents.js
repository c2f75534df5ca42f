/**
 * Known faults of similar software, each with the specs that show that it does not occur here: published advisories, fixes
 * without an advisory number, complaints of users, how others behave under faults, and faults of the older package that
 * this one succeeds. `node scripts/incidents.js` prints the list.
 */
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
 * Explains what is wrong with a reference to a test; undefined if the test exists once and is not skipped.
 *
 * @param {import('./test-ids.js').TestIds} tests
 * @param {import('./incident.js').Shown} shown
 * @returns {string | undefined}
 */
export function explainMissing(tests, { id, table }) {
  if (table === undefined) return explainOne(tests, id, 'test')
  return explainOne(tests, table, 'test') ?? explainOne(tests, id, 'row')
}

/**
 * @param {import('./test-ids.js').TestIds} tests
 * @param {string} id
 * @param {'test' | 'row'} kind
 * @returns {string | undefined}
 */
function explainOne(tests, id, kind) {
  const [found, ...others] = tests.get(id) ?? []
  if (found === undefined) return `no ${kind} has the id '${id}'`
  if (others.length > 0) return `the id '${id}' is used ${others.length + 1} times`
  if (found.kind !== kind) return `the id '${id}' is that of a ${found.kind}, not of a ${kind}`
  if (found.skipped) return `${found.file}: '${found.title}' (${id}) is skipped`
  return undefined
}

/**
 * Lists what is wrong with an incident. It must name existing tests, or say why it has none.
 *
 * @param {import('./test-ids.js').TestIds} tests
 * @param {import('./incident.js').Incident} incident
 * @returns {string[]}
 */
export function findFaults(tests, { specs = [], notOurs }) {
  if (specs.length === 0 && notOurs === undefined) return ['it names no spec, and gives no reason']
  return specs.flatMap((spec) => explainMissing(tests, spec) ?? [])
}
