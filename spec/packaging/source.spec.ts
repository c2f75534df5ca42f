/** What must not occur in any text file of the project. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')

/** Generated folders. */
const made = new Set(
  readFileSync(join(root, '.gitignore'), 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('/'))
    .map((line) => line.replaceAll('/', '')),
)

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder ? `${folder}/${entry.name}` : entry.name
    if (entry.name === '.git' || made.has(entry.name) || entry.name.startsWith('.stryker')) return []
    return entry.isDirectory() ? filesIn(path) : entry.isFile() ? [path] : []
  })
}

const files = filesIn('').filter((path) => path !== 'package-lock.json' && !/\.(png|tgz|log)$|\.DS_Store$/.test(path))
const texts = new Map(files.map((path) => [path, readFileSync(join(root, path), 'utf8')]))

/** Places that match, by file and line. */
function linesWith(pattern: RegExp, of: (path: string) => boolean = () => true): string[] {
  return [...texts].flatMap(([path, text]) =>
    of(path) ? text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}`] : [])) : [],
  )
}

describe('the files of the project', () => {
  it('the list of files includes all parts of the project', () => {
    for (const path of ['lib/index.ts', 'package.json', '.ci/run', '.github/workflows/ci.yml', 'scripts/build.js']) {
      expect(files).toContain(path)
    }
    expect(files.filter((path) => path.startsWith('spec/')).length).toBeGreaterThan(100)
    expect(files.filter((path) => path.includes('node_modules'))).toEqual([])
  })

  it('the files are ASCII, except documents and drawings', () => {
    // oxlint-disable-next-line no-control-regex
    expect(linesWith(/[^\x00-\x7f]/, (path) => !/\.(md|svg)$/.test(path))).toEqual([])
  })

  it('the files contain no control characters', () => {
    // oxlint-disable-next-line no-control-regex
    expect(linesWith(/[\x00-\x08\x0b-\x1f\x7f]/)).toEqual([])
  })

  it('the files contain no path of the machine that they were written on', () => {
    // The slashes are in brackets, so that this file does not name a path either.
    const places = '[/](home|Users)[/]\\w+[/]|[/](root|work|tmp|mnt)[/][.\\w]|[A-Z]:\\\\+Users'
    expect(linesWith(new RegExp(`(^|[^\\w.:/*-]|file:[/]{2})(${places})`))).toEqual([])
    expect(linesWith(/\.\.[/]shared[/]/)).toEqual([])
  })

  it('documents and examples give no secret a default that somebody would run in production', () => {
    const isShown = (path: string): boolean => path.endsWith('.md') || path.startsWith('examples/')
    expect(linesWith(/secret\S*\s*(\?\?|\|\|)=?\s*['"`]/i, isShown)).toEqual([])
    // A parameter or a destructured member.
    expect(linesWith(/secret\w*\s*=\s*['"`]/i, isShown)).toEqual([])
    // An option of createOidc() or session().
    expect(linesWith(/\bsecret:\s*(\[\s*)?['"`]/, isShown)).toEqual([])
  })

  it('the files name no host of a package registry', () => {
    expect(
      linesWith(/\bregistry\.[a-z]|npm(js)\.|\brepo\d*\.(maven|apache)|\bmaven\.(org|apache)|\bdeb\.debian\./),
    ).toEqual([])
  })
})
