/** Each promise in SECURITY.md names specs that exist. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const section =
  readFileSync(join(root, 'SECURITY.md'), 'utf8').split('\n## What is promised')[1]?.split('\n## ')[0] ?? ''
const rows = section
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (?:promise|-)/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))

/** Whether a path is a spec with tests, or a folder of specs. */
function holds(path: string): boolean {
  const file = join(root, path)
  if (!existsSync(file)) return false
  if (statSync(file).isDirectory()) return readdirSync(file).some((name) => name.endsWith('.spec.ts'))
  return file.endsWith('.spec.ts') && /\b(?:it|test|matrix|describe)\b/.test(readFileSync(file, 'utf8'))
}

describe('the promises in SECURITY.md', () => {
  it('SECURITY.md lists its promises in a table', () => expect(rows.length).toBeGreaterThan(15))

  it.each(rows.map((cells) => [cells[1] as string, cells[3] ?? ''] as const))(
    'a spec covers the promise: %s',
    (_promise, specs) => {
      const paths = [...specs.matchAll(/`([^`]+)`/g)].map(([, path]) => path as string)
      expect(paths.length).toBeGreaterThan(0)
      for (const path of paths) expect(holds(path), path).toBe(true)
    },
  )
})
