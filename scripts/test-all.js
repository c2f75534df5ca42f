// All tiers of the tests, and the coverage of all together: `npm test` and `npm run test:slow` with COVERAGE=1, merged.
//
//   npm run test:all -- --sequence.shuffle --maxWorkers=3     what follows goes to both runs of vitest
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

// What an earlier run left would be merged too.
rmSync(new URL('../artifacts/blobs', import.meta.url), { recursive: true, force: true })
// The slow tier runs also where the other failed: its failures are worth knowing.
const passed = [run('test', '--', ...words), run('test:slow', '--', ...words)]
const isCovered = run('coverage')
process.exit(passed.every(Boolean) && isCovered ? 0 : 1)
