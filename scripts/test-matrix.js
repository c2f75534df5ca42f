// Runs the tests with the supported versions of Node, Express, express-session, redis and connect-redis.
//
//   npm run test:matrix               five combinations: the lowest versions and the newest with all tests, and three for
//                                     the remaining pairs of packages, with the tests that depend on them
//   npm run test:matrix -- --all      nine combinations, all tests: every pair of packages, and of a package and Node
//   npm run test:matrix -- --only=1,4 some combinations, by their numbers
//   npm run test:matrix -- --keep     keeps the copy of the project in which they ran
//
// The packages are replaced in a copy of the project with its node_modules, so run `npm ci` first. DEPTH defaults to
// `quick`. --outputFile.json=FILE of vitest writes the sum of all runs; the last printed line has it too.
import { spawn } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import manifest from '../package.json' with { type: 'json' }
import { Checkout } from './test-matrix-checkout.js'
import { combinations, pushed } from './test-matrix-combinations.js'
import { leftOut, parts } from './test-matrix-specs.js'

/** @typedef {import('./test-matrix-combinations.js').Combination} Combination */
/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */
/** @typedef {{ number: string, combination: Combination, part: keyof typeof parts, types: boolean }} Run */

const root = fileURLToPath(new URL('..', import.meta.url))
const minutes = 15

const { values } = parseArgs({
  options: {
    all: { type: 'boolean', default: false },
    only: { type: 'string' },
    keep: { type: 'boolean', default: false },
    reporter: { type: 'string', multiple: true },
    'outputFile.json': { type: 'string' },
  },
})

/**
 * The runs. Types do not depend on Node, so the combinations of a push cover every pair of packages that have types.
 *
 * @returns {Run[]}
 */
function plan() {
  const list = combinations(manifest).slice(0, values.all ? Infinity : pushed)
  return list.map((combination, index) => ({
    number: String(index + 1),
    combination,
    part: values.all || index < 2 ? 'all' : 'peers',
    types: index < pushed,
  }))
}

/**
 * Runs a program in the checkout; resolves to its output and whether it succeeded.
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
      if (signal) printed += `\nended by ${signal} (the limit is ${minutes} minutes)`
      resolve({ ok: code === 0, printed })
    })
  })
}

/**
 * Runs the tests with the Node of a combination.
 *
 * @param {Checkout} checkout
 * @param {Run} run
 * @returns {Promise<Counts>}
 */
async function runTests(checkout, { combination, part }) {
  const folder = checkout.nodeFolder(combination)
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
    {
      // Processes that the tests start use the same Node.
      PATH: `${folder}${delimiter}${process.env['PATH']}`,
      MATRIX_PART: part,
      DEPTH: process.env['DEPTH'] ?? 'quick',
    },
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
    // There is no report; the output says why.
  }
  // Without a failed test the cause is another: a file that does not load, an unhandled error, or no tests.
  if (counts.failed === 0 && (!ok || counts.passed === 0)) {
    counts.failed = 1
    console.log(printed.slice(-5000))
  }
  return counts
}

/**
 * An error without the stack frames of the test runner.
 *
 * @param {string} text
 */
function ownLines(text) {
  const lines = text.split('\n').filter((line) => !line.includes('node_modules') && !line.includes('at new Promise'))
  return lines.slice(0, 30).join('\n    ')
}

/**
 * Checks lib/ and spec/types with the types of a combination, which counts as one test.
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

/** Returns the seconds since the last call. */
const lap = (() => {
  let last = Date.now()
  return () => {
    const seconds = (Date.now() - last) / 1000
    last = Date.now()
    return seconds.toFixed(1)
  }
})()

/** @type {(keyof Combination)[]} */
const names = ['node', 'express', 'express-session', 'redis', 'connect-redis']
const columns = ['', ...names, 'tests', 'types', 'passed', 'failed', 'skipped', 'seconds']
/** @type {string[][]} */
const table = []
const total = { passed: 0, failed: 0, skipped: 0 }

const chosen = plan().filter(({ number }) => !values.only || values.only.split(',').includes(number))
const checkout = await Checkout.make(root)
try {
  console.log(`copied the project in ${lap()} s`)
  await checkout.fetch(chosen.map(({ combination }) => combination))
  console.log(`installed the versions in ${lap()} s`)
  for (const run of chosen) {
    const start = Date.now()
    const versions = await checkout.install(run.combination)
    console.log(`${run.number}. ${names.map((name) => `${name} ${versions[name]}`).join(', ')}`)
    const times = [`packages ${lap()} s`]
    const counts = await runTests(checkout, run)
    times.push(`tests (${run.part}) ${lap()} s`)
    if (run.types) {
      const typed = await checkTypes(checkout)
      counts.passed += typed.passed
      counts.failed += typed.failed
      times.push(`types ${lap()} s`)
    }
    for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) total[key] += counts[key]
    const seconds = Math.round((Date.now() - start) / 1000)
    const numbers = [counts.passed, counts.failed, counts.skipped, seconds].map(String)
    table.push([run.number, ...names.map((name) => versions[name]), run.part, run.types ? 'yes' : 'no', ...numbers])
    console.log(`   ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped: ${times.join(', ')}`)
  }
} catch (error) {
  // A failed installation; the output of npm says more.
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
all: ${parts.all.join(', ')} without ${leftOut.join(', ')}
peers: ${parts.peers.join(', ')}
types: of lib and spec/types
`)
if (values['outputFile.json']) {
  const { passed, failed, skipped } = total
  const report = { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, numTodoTests: 0 }
  await mkdir(dirname(values['outputFile.json']), { recursive: true })
  await writeFile(values['outputFile.json'], JSON.stringify({ ...report, success: failed === 0 }))
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exitCode = total.failed === 0 ? 0 : 1
