// Runs all tiers of the tests with COVERAGE=1 (`npm test` and `npm run test:slow`), and merges their coverage.
//
//   npm run test:all -- --sequence.shuffle --maxWorkers=3     passes these arguments to both runs of vitest
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const words = process.argv.slice(2)

/** @param {string[]} command */
function run(...command) {
  const { status } = spawnSync('npm', ['run', '--silent', ...command], {
    cwd: root,
    env: { ...process.env, COVERAGE: '1' },
    stdio: 'inherit',
    // npm is a script on Windows.
    shell: process.platform === 'win32',
  })
  return status === 0
}

// Files of an earlier run would be merged too.
rmSync(new URL('../artifacts/blobs', import.meta.url), { recursive: true, force: true })
// The slow tier runs even if the first run failed, so that its failures are reported too.
const passed = [run('test', '--', ...words), run('test:slow', '--', ...words)]
const isCovered = run('coverage')
process.exit(passed.every(Boolean) && isCovered ? 0 : 1)
