/** Prints known faults of similar software, and the tests here that cover each. Exits with 1 if a test is missing. */
import { join } from 'node:path'
import { findFaults, sections } from '../spec/incidents/incidents.js'
import { readTestIds } from '../spec/incidents/test-ids.js'

const tests = readTestIds(join(import.meta.dirname, '../spec'))

/**
 * Formats a test as its file, its id and its current title; a row follows the title of its table.
 *
 * @param {import('../spec/incidents/incident.js').Shown} shown
 * @returns {string}
 */
function formatTest({ id, table }) {
  const [found] = tests.get(id) ?? []
  if (!found) return `      ${id}`
  const [owner] = table === undefined ? [] : (tests.get(table) ?? [])
  const title = owner ? `${owner.title} (${found.title})` : found.title
  return `      spec/${(owner ?? found).file}, ${id}: ${title}`
}

let held = 0
let notOurs = 0
let specs = 0
/** @type {string[]} */
const missing = []

for (const { title, incidents } of sections) {
  console.log(`\n${title}\n${'-'.repeat(title.length)}`)
  for (const incident of incidents) {
    console.log(`\n  ${incident.name}\n    -> ${incident.holds}`)
    if (incident.notOurs !== undefined) console.log(`      not ours: ${incident.notOurs}`)
    for (const spec of incident.specs ?? []) console.log(formatTest(spec))
    const faults = findFaults(tests, incident)
    for (const fault of faults) console.log(`      MISSING: ${fault}`)
    missing.push(...faults.map((fault) => `${incident.name}: ${fault}`))
    specs += incident.specs?.length ?? 0
    if (incident.notOurs !== undefined) notOurs++
    else held++
  }
}

const total = held + notOurs
console.log(`\n${total} incidents: ${held} covered by tests, ${notOurs} not ours; ${specs} references to tests.`)
if (missing.length > 0) {
  console.error(`\nMissing:\n${missing.map((fault) => `  ${fault}`).join('\n')}`)
  process.exitCode = 1
}
