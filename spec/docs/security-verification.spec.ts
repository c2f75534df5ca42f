/** docs/security-verification.md: has each requirement once, and names only files, options and functions that exist. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/security-verification.md'), 'utf8')
/** How many requirements each section of OWASP ASVS 5.0.0 has: V7.1 has three. */
const sections: Readonly<Record<string, readonly number[]>> = {
  7: [3, 4, 2, 5, 3, 2],
  9: [3, 4],
  10: [2, 3, 5, 16, 5, 2, 3],
}
const verdicts = ['met', "the application's", 'not met', 'not applicable']

interface Row {
  readonly number: string
  readonly verdict: string
  readonly where: string
}

const rows: readonly Row[] = page
  .split('\n')
  .filter((line) => /^\| \d/.test(line))
  .map((line) => {
    const [, number = '', , , verdict = '', where = ''] = line.split('|').map((cell) => cell.trim())
    return { number, verdict, where }
  })
  .filter(({ number }) => number.split('.').length === 3)

const code = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, one]) => one as string)
const isPath = (text: string): boolean => /^(?:spec|docs|examples)\//.test(text)

/** The text of all files of lib/, where each option and function is declared. */
function readLibrary(): string {
  const names = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
  return names
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(root, 'lib', name), 'utf8'))
    .join('\n')
}

describe('docs/security-verification.md', () => {
  it('has each requirement of the three chapters once, in order', () => {
    const expected = Object.entries(sections).flatMap(([chapter, counts]) =>
      counts.flatMap((count, index) =>
        Array.from({ length: count }, (_, last) => `${chapter}.${index + 1}.${last + 1}`),
      ),
    )
    expect(rows.map(({ number }) => number)).toEqual(expected)
  })

  it('gives each requirement one of the four verdicts that it defines', () => {
    for (const { number, verdict } of rows) expect(verdicts, number).toContain(verdict)
    for (const verdict of verdicts) expect(page).toMatch(new RegExp(`^\\| ${verdict} +\\|`, 'm'))
  })

  it('names a spec or a document for each requirement that is met', () => {
    for (const { number, verdict, where } of rows) {
      if (verdict === 'met') expect(code(where).some(isPath), number).toBe(true)
    }
  })

  it('names only files that exist', () => {
    for (const path of code(page).filter(isPath)) expect(existsSync(join(root, path)), path).toBe(true)
  })

  it('names only options and functions of the package', () => {
    const library = readLibrary()
    const names = code(page).flatMap((text) => (isPath(text) ? [] : (text.match(/\b[a-z]+[A-Z]\w*/g) ?? [])))
    expect(names.length).toBeGreaterThan(10)
    for (const name of new Set(names)) expect(library, name).toMatch(new RegExp(`\\b${name}\\b`))
  })
})
