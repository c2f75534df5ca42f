/** Each incident of the list has the specs that it names, and they run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { faultsOf, missing, sections } from './incidents.js'
import { titlesOf } from './titles.js'

const root = join(import.meta.dirname, '../..')

describe.each(sections.map(({ title, incidents }) => [title, incidents] as const))('%s', (_title, incidents) => {
  it.each(incidents.map((incident) => [incident.name, incident] as const))('%s', (_name, incident) => {
    expect(faultsOf(root, incident)).toEqual([])
    expect(incident.holds).not.toBe('')
  })
})

describe('the list of incidents', () => {
  const folder = mkdtempSync(join(tmpdir(), 'titles-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  writeFileSync(
    join(folder, 'some.spec.ts'),
    `describe('around', () => {
       it('plain', () => {})
       it.each([['row one'], [\`row two\`]])('of %s', () => {})
       it(\`a template of \${1} and \${2}\`, () => {})
       it.skip('left out', () => {})
       it.todo('yet to come')
       it.skipIf(true)('left out here and there', () => {})
     })
     describe.skip('left out', () => { it('with what is in it', () => {}) })
     describe.skipIf(false).each([1])('each %s', () => {})
     notASpec('plain words')`,
  )
  const shown = (title: string, row?: string): string | undefined =>
    missing(folder, { file: 'some.spec.ts', title, ...(row === undefined ? {} : { row }) })

  it('names each incident once', () => {
    for (const { incidents } of sections) {
      const names = incidents.map(({ name }) => name)
      expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
    }
    expect(sections.flatMap(({ incidents }) => incidents).length).toBeGreaterThan(200)
  })

  it('finds titles in all forms that they have', () => {
    for (const title of ['around', 'plain', 'of %s', 'a template of * and *', 'left out here and there', 'each %s']) {
      expect(shown(title)).toBeUndefined()
    }
    expect(titlesOf(folder, 'some.spec.ts')?.titles.map(({ text }) => text)).not.toContain('plain words')
  })

  it('finds rows of tables', () => {
    expect(shown('of %s', 'row one')).toBeUndefined()
    expect(shown('of %s', 'row two')).toBeUndefined()
    expect(shown('of %s', 'row three')).toBe("some.spec.ts has no row 'row three'")
  })

  it('misses what is not there, or does not run', () => {
    expect(shown('plai')).toBe("some.spec.ts has no title 'plai'")
    expect(missing(folder, { file: 'other.spec.ts', title: 'plain' })).toBe('there is no other.spec.ts')
    for (const title of ['left out', 'yet to come', 'with what is in it']) {
      expect(shown(title)).toBe(`some.spec.ts: '${title}' is skipped`)
    }
  })

  it('misses an incident with neither specs nor a reason', () => {
    expect(faultsOf(folder, { name: 'x', holds: 'y' })).toHaveLength(1)
    expect(faultsOf(folder, { name: 'x', holds: 'y', specs: [] })).toHaveLength(1)
    expect(faultsOf(folder, { name: 'x', holds: 'y', later: 'refresh' })).toEqual([])
  })
})
