// The specs on the supported versions of Node, Express, express-session, redis and connect-redis.
//
//   npm run test:matrix               nine combinations: every two versions meet, and the lowest that are declared
//   npm run test:matrix -- --full     all combinations, all specs: hours
//   npm run test:matrix -- --only=1,9 some of them, by their numbers
//
// Takes vitest's --outputFile.json=FILE for the sum of all runs; the last line has it too.
import { spawn } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import manifest from '../package.json' with { type: 'json' }
import { Checkout } from './test-matrix-checkout.js'
import { lowest, pairwise, product } from './test-matrix-combinations.js'
import { leftOut, parts } from './test-matrix-specs.js'

/** @typedef {import('./test-matrix-combinations.js').Combination} Combination */
/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */
/** @typedef {{ combination: Combination, specs: keyof typeof parts, types: boolean }} Run */

const root = fileURLToPath(new URL('..', import.meta.url))
const minutes = 15

const { values } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    only: { type: 'string' },
    keep: { type: 'boolean', default: false },
    reporter: { type: 'string', multiple: true },
    'outputFile.json': { type: 'string' },
  },
})

/**
 * The specs of Express, sessions and Redis run in all combinations; those of Node once on each, on 20 with the lowest
 * of everything; what is left once, on the newest Node. Types do not depend on Node: where every two of the packages
 * have met, they are checked.
 *
 * @returns {Run[]}
 */
function plan() {
  if (values.full) return product().map((combination) => ({ combination, specs: 'all', types: true }))
  /** @type {Run[]} */
  const runs = pairwise().map((combination, index) => ({ combination, specs: 'peers', types: index < 4 }))
  for (const run of runs.slice(1, 3)) run.specs = 'node'
  for (const run of runs.slice(-1)) run.specs = 'all'
  return [...runs, { combination: lowest(manifest), specs: 'node', types: true }]
}

/**
 * Runs a program in the checkout; resolves to what it printed and whether it succeeded.
 *
 * @param {Checkout} checkout
 * @param {string} program
 * @param {string[]} words
 * @param {Record<string, string>} env
 * @returns {Promise<{ ok: boolean, printed: string }>}
 */
function runIn(checkout, program, words, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, words, {
      cwd: checkout.root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: minutes * 60_000,
      killSignal: 'SIGKILL',
    })
    let printed = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (printed += text))
    }
    child.once('error', (error) => resolve({ ok: false, printed: String(error) }))
    child.once('close', (code, signal) => {
      if (signal) printed += `\nended by ${signal} (at most ${minutes} minutes are given)`
      resolve({ ok: code === 0, printed })
    })
  })
}

/**
 * The specs, on the Node of a combination.
 *
 * @param {Checkout} checkout
 * @param {Run} run
 * @returns {Promise<Counts>}
 */
async function runSpecs(checkout, { combination, specs }) {
  const folder = checkout.nodeFolder(combination.node)
  const report = join(checkout.folder, 'report.json')
  await rm(report, { force: true })
  const { ok, printed } = await runIn(
    checkout,
    join(folder, 'node'),
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--config',
      'vitest.matrix.config.ts',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ],
    // Also what the specs start is to be that Node.
    { PATH: `${folder}${delimiter}${process.env['PATH']}`, MATRIX_SPECS: specs },
  )
  /** @type {Counts} */
  const counts = { passed: 0, failed: 0, skipped: 0 }
  try {
    const result = JSON.parse(await readFile(report, 'utf8'))
    counts.passed = result.numPassedTests
    counts.failed = result.numFailedTests
    counts.skipped = result.numPendingTests + result.numTodoTests
    for (const file of result.testResults) {
      const name = file.name.slice(checkout.root.length + 1)
      if (file.status === 'failed' && file.message) console.log(`  ${name}: ${file.message}`)
      for (const { status, fullName, failureMessages } of file.assertionResults) {
        if (status === 'failed') console.log(`  ${name}: ${fullName}\n    ${ownLines(failureMessages.join('\n'))}`)
      }
    }
  } catch {
    // It did not get as far as a report; what it printed says why.
  }
  // Without a failed test it was something around them: a file that does not load, an unhandled error, no tests.
  if (counts.failed === 0 && (!ok || counts.passed === 0)) {
    counts.failed = 1
    console.log(printed.slice(-5000))
  }
  return counts
}

/**
 * An error without the test runner's part of its stack.
 *
 * @param {string} text
 */
function ownLines(text) {
  const lines = text.split('\n').filter((line) => !line.includes('node_modules') && !line.includes('at new Promise'))
  return lines.slice(0, 30).join('\n    ')
}

/**
 * lib/ and spec/types with the types of a combination: one more test.
 *
 * @param {Checkout} checkout
 * @returns {Promise<Counts>}
 */
async function checkTypes(checkout) {
  const { ok, printed } = await runIn(checkout, process.execPath, [
    'node_modules/typescript/bin/tsc',
    '-p',
    'spec/types',
  ])
  if (!ok) console.log(`  types:\n${printed.slice(0, 5000)}`)
  return { passed: Number(ok), failed: Number(!ok), skipped: 0 }
}

const columns = [
  '',
  'node',
  'express',
  'express-session',
  'redis',
  'connect-redis',
  'specs',
  'types',
  'passed',
  'failed',
  'skipped',
  'seconds',
]
/** @type {string[][]} */
const table = []
const total = { passed: 0, failed: 0, skipped: 0 }

const checkout = await Checkout.make(root)
try {
  const numbered = plan().map((run, index) => ({ ...run, number: String(index + 1) }))
  const chosen = numbered.filter(({ number }) => !values.only || values.only.split(',').includes(number))
  const resolved = await checkout.resolve(chosen.map(({ combination }) => combination))
  for (const [index, run] of chosen.entries()) {
    const combination = /** @type {Combination} */ (resolved[index])
    const { node, express, 'express-session': session, redis, 'connect-redis': store } = combination
    const versions = [node, express, session, redis, store]
    console.log(
      `${run.number}. ${columns
        .slice(1, 6)
        .map((name, at) => `${name} ${versions[at]}`)
        .join(', ')}: specs: ${run.specs}`,
    )
    const start = Date.now()
    await checkout.install(combination)
    const counts = await runSpecs(checkout, { ...run, combination })
    if (run.types) {
      const typed = await checkTypes(checkout)
      counts.passed += typed.passed
      counts.failed += typed.failed
    }
    for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) total[key] += counts[key]
    const seconds = Math.round((Date.now() - start) / 1000)
    const numbers = [counts.passed, counts.failed, counts.skipped, seconds].map(String)
    table.push([run.number, ...versions, run.specs, run.types ? 'yes' : 'no', ...numbers])
    console.log(`   ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in ${seconds} s`)
  }
} catch (error) {
  // An install that failed, which says more in what npm printed.
  console.error(error)
  total.failed++
} finally {
  if (values.keep) console.log(`kept: ${checkout.root}`)
  else await checkout.remove()
}

const widths = columns.map((name, at) => Math.max(name.length, ...table.map((row) => row[at]?.length ?? 0)))
console.log(
  `\n${[columns, ...table].map((row) => row.map((cell, at) => cell.padStart(widths[at] ?? 0)).join('  ')).join('\n')}`,
)

console.log(`
peers: ${parts.peers.join(', ')}
node: also ${parts.node.filter((path) => !parts.peers.includes(path)).join(', ')}
all: the rest of spec too
types: of lib and spec/types
left out: ${leftOut.join(', ')}${values.full ? '' : '; the combinations that only --full has'}
`)
if (values['outputFile.json']) {
  const { passed, failed, skipped } = total
  const report = { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, numTodoTests: 0 }
  await mkdir(dirname(values['outputFile.json']), { recursive: true })
  await writeFile(values['outputFile.json'], JSON.stringify({ ...report, success: failed === 0 }))
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exitCode = total.failed === 0 ? 0 : 1
