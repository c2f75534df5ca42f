// Makes small changes to lib/, one at a time, and reports the changes that no test detects.
//
//   npm run test:mutation                             all folders in turn, and their scores at the end: about an hour
//   npm run test:mutation -- guard tokens             some folders
//   npm run test:mutation -- guard --mutate FILES     some files of a folder
//
// artifacts/mutation/<folder>.html shows the surviving mutants.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { folders } from './test-mutation-folders.js'

const lowest = 90
const root = fileURLToPath(new URL('..', import.meta.url))
const { values, positionals } = parseArgs({ allowPositionals: true, options: { mutate: { type: 'string' } } })
const unknown = positionals.find((folder) => !Object.hasOwn(folders, folder))
if (unknown !== undefined)
  throw new Error(`there is no folder '${unknown}'; use one of ${Object.keys(folders).join(', ')}`)

/** @type {string[]} */
const rows = []
for (const folder of positionals.length > 0 ? positionals : Object.keys(folders)) {
  const report = join(root, `artifacts/mutation/${folder}.json`)
  rmSync(report, { force: true })
  const { status } = spawnSync('npx', ['stryker', 'run', '--mutate', values.mutate ?? `lib/${folder}/**/*.ts`], {
    cwd: root,
    env: { ...process.env, MUTATION_FOLDER: folder },
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error(`stryker ended with ${status} for ${folder}`)
  rows.push(getRow(folder, report))
}
console.log(['', 'folder             score  killed  survived', ...rows].join('\n'))

/**
 * @param {string} folder
 * @param {string} report
 */
function getRow(folder, report) {
  const { files } = /** @type {{ files: Record<string, { mutants: { status: string }[] }> }} */ (
    JSON.parse(readFileSync(report, 'utf8'))
  )
  const states = Object.values(files).flatMap(({ mutants }) => mutants.map(({ status }) => status))
  const killed = states.filter((state) => state === 'Killed' || state === 'Timeout').length
  const survived = states.filter((state) => state === 'Survived' || state === 'NoCoverage').length
  const score = (100 * killed) / (killed + survived)
  if (!(score >= lowest)) process.exitCode = 1
  const cells = [`${score.toFixed(1)} %`.padStart(9), String(killed).padStart(8), String(survived).padStart(10)]
  return `${folder.padEnd(15)}${cells.join('')}${score >= lowest ? '' : `  less than ${lowest} %`}`
}
