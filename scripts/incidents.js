/** Prints what went wrong in systems of this kind, and the specs that hold that it does not here. Exit 1 where one is missing. */
import { join } from 'node:path'
import { faultsOf, sections } from '../spec/incidents/incidents.js'

const root = join(import.meta.dirname, '..')

/**
 * @param {import('../spec/incidents/incident.js').Shown} spec
 * @returns {string}
 */
function line({ file, title, row }) {
  return `      ${file}: ${row === undefined ? title : `${title} (${row})`}`
}

let held = 0
let later = 0
let notOurs = 0
let specs = 0
/** @type {string[]} */
const missing = []

for (const { title, incidents } of sections) {
  console.log(`\n${title}\n${'-'.repeat(title.length)}`)
  for (const incident of incidents) {
    console.log(`\n  ${incident.name}\n    -> ${incident.holds}`)
    if (incident.notOurs !== undefined) console.log(`      not ours: ${incident.notOurs}`)
    if (incident.later !== undefined) console.log(`      comes with: ${incident.later}`)
    for (const spec of incident.specs ?? []) console.log(line(spec))
    const faults = faultsOf(root, incident)
    for (const fault of faults) console.log(`      MISSING: ${fault}`)
    missing.push(...faults.map((fault) => `${incident.name}: ${fault}`))
    specs += incident.specs?.length ?? 0
    if (incident.notOurs !== undefined) notOurs++
    else if (incident.later !== undefined) later++
    else held++
  }
}

const total = held + later + notOurs
console.log(
  `\n${total} incidents: ${held} held by specs, ${later} of what is yet to come, ${notOurs} not ours; specs named ${specs} times.`,
)
if (missing.length > 0) {
  console.error(`\nMissing:\n${missing.map((fault) => `  ${fault}`).join('\n')}`)
  process.exitCode = 1
}
