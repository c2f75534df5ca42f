/** Each incident in the list names tests that exist and are not skipped. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { explainMissing, findFaults, sections } from './incidents.js'
import { readTestIds } from './test-ids.js'

const tests = readTestIds(join(import.meta.dirname, '..'))

describe.each(sections.map(({ title, incidents }) => [title, incidents] as const))('%s', (_title, incidents) => {
  it.each(incidents.map((incident) => [incident.name, incident] as const))(
    'the incident has specs or a reason to have none: %s',
    (_name, incident) => {
      expect(findFaults(tests, incident)).toEqual([])
      expect(incident.holds).not.toBe('')
    },
  )
})

describe('the ids of tests', () => {
  it('test ids are unique and end in a number', () => {
    expect([...tests].filter(([, found]) => found.length > 1)).toEqual([])
    expect([...tests.keys()].filter((id) => !/^[a-z0-9]+(-[a-z0-9]+)*-\d+$/.test(id))).toEqual([])
  })
})

describe('the list of incidents', () => {
  const folder = mkdtempSync(join(tmpdir(), 'test-ids-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  writeFileSync(
    join(folder, 'some.spec.ts'),
    `describe('around', { meta: { id: 'around-1' } }, () => {
       it('plain', { meta: { id: 'plain-1' } }, () => {})
       it.each([[withId('row-1', 'row one')], [\`row two\`]])('of %s', { meta: { id: 'table-1' } }, () => {})
       it(\`a template of \${1} and \${2}\`, { meta: { id: 'template-1' }, timeout: 5 }, () => {})
       it.skip('left out', { meta: { id: 'skip-1' } }, () => {})
       it('left out by an option', { meta: { id: 'skip-2' }, skip: true }, () => {})
       it.todo('yet to come', { meta: { id: 'todo-1' } })
       it.skipIf(true)('left out here and there', { meta: { id: 'skip-if-1' } }, () => {})
       it('without an id', () => {})
     })
     describe.skip('left out', () => {
       it.each([withId('skipped-row-1', 'x')])('with what is in it', { meta: { id: 'inside-1' } }, () => {})
     })
     describe.skipIf(false).each([1])('each %s', { meta: { id: 'each-1' } }, () => {})
     const rows = { 'row three': withId('row-3', [3]) }
     notASpec('plain words', { meta: { id: 'words-1' } })
     it('one', { meta: { id: 'twice-1' } }, () => {})`,
  )
  writeFileSync(join(folder, 'other.spec.ts'), `it('another', { meta: { id: 'twice-1' } }, () => {})`)
  const some = readTestIds(folder)
  const shown = (id: string, table?: string): string | undefined =>
    explainMissing(some, { id, ...(table === undefined ? {} : { table }) })

  it('the list names each incident once', () => {
    for (const { incidents } of sections) {
      const names = incidents.map(({ name }) => name)
      expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
    }
    expect(sections.flatMap(({ incidents }) => incidents).length).toBeGreaterThan(200)
  })

  it('finds tests by their ids in every form of a test, with the current title', () => {
    const titles = {
      'around-1': 'around',
      'plain-1': 'plain',
      'table-1': 'of %s',
      'template-1': 'a template of * and *',
      'skip-if-1': 'left out here and there',
      'each-1': 'each %s',
    }
    for (const [id, title] of Object.entries(titles)) {
      expect(shown(id)).toBeUndefined()
      expect(some.get(id)).toMatchObject([{ file: 'some.spec.ts', title }])
    }
  })

  it('finds rows of tables by their ids', () => {
    expect(shown('row-1', 'table-1')).toBeUndefined()
    expect(shown('row-3', 'table-1')).toBeUndefined()
    expect(some.get('row-1')).toMatchObject([{ title: 'row one' }])
    expect(some.get('row-3')).toMatchObject([{ title: 'row three' }])
    expect(shown('row-2', 'table-1')).toBe("no row has the id 'row-2'")
    expect(shown('row-1', 'table-2')).toBe("no test has the id 'table-2'")
    expect(shown('row-1')).toBe("the id 'row-1' is that of a row, not of a test")
    expect(shown('plain-1', 'table-1')).toBe("the id 'plain-1' is that of a test, not of a row")
  })

  it('reports a test that does not exist, is skipped, or shares its id', () => {
    for (const id of ['plain-2', 'words-1']) expect(shown(id)).toBe(`no test has the id '${id}'`)
    for (const id of ['skip-1', 'skip-2', 'todo-1', 'inside-1']) expect(shown(id)).toMatch(/\) is skipped$/)
    expect(shown('skipped-row-1', 'table-1')).toBe("some.spec.ts: 'x' (skipped-row-1) is skipped")
    expect(shown('twice-1')).toBe("the id 'twice-1' is used 2 times")
  })

  it('reports an incident with neither specs nor a reason', () => {
    expect(findFaults(some, { name: 'x', holds: 'y' })).toHaveLength(1)
    expect(findFaults(some, { name: 'x', holds: 'y', specs: [] })).toHaveLength(1)
    expect(findFaults(some, { name: 'x', holds: 'y', notOurs: 'no mail' })).toEqual([])
  })
})
