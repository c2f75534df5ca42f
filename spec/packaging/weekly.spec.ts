/** One list in .ci/run says what runs weekly; the workflow runs each part of it. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { folders } from '../../scripts/test-mutation-folders.js'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

/** The lines between two markers. */
function lines(text: string, from: RegExp, to: RegExp): string[] {
  const rest = text.split(from)[1] ?? ''
  return (rest.split(to)[0] ?? '').split('\n').flatMap((line) => (line.trim() ? [line.trim()] : []))
}

const parts = lines(read('.ci/run'), /^weekly=\($/m, /^\)$/m).map((line) => {
  const [name = '', seconds = '', ...command] = line.replaceAll("'", '').split(/\s+/)
  return { name, seconds: Number(seconds), command: command.join(' ') }
})

describe('the weekly parts of .ci/run', () => {
  it('the weekly parts have unique names and fit into 45 minutes', () => {
    expect(parts.length).toBeGreaterThan(5)
    expect(new Set(parts.map(({ name }) => name)).size).toBe(parts.length)
    for (const { name, seconds } of parts) expect(seconds > 0 && seconds <= 2700, name).toBe(true)
  })

  it('the weekly parts are the jobs of the weekly workflow', () => {
    const jobs = lines(read('.github/workflows/weekly.yml'), /^ +part:$\n(?= +- )/m, /^ +steps:$/m)
    expect(jobs.map((line) => line.replace('- ', ''))).toEqual(parts.map(({ name }) => name))
  })

  it('the weekly parts mutate each folder that has a list of tests', () => {
    const mutated = parts.flatMap(({ command }) => /test:mutation -- (\S+)/.exec(command)?.[1] ?? [])
    expect(mutated).toEqual(Object.keys(folders))
  })
})
