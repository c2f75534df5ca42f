import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const lib = join(import.meta.dirname, '../lib')

/** Lists the names that an entry point exports as types only. */
function listTypes(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(join(lib, file), 'utf8'), ts.ScriptTarget.Latest)
  return source.statements.filter(ts.isExportDeclaration).flatMap(({ isTypeOnly, exportClause }) => {
    const elements = exportClause && ts.isNamedExports(exportClause) ? exportClause.elements : []
    return elements.filter((element) => isTypeOnly || element.isTypeOnly).map(({ name }) => name.text)
  })
}

describe('the exported types', () => {
  // An editor suggests them in each file of an application, where `User` or `Records` would be in the way.
  it.each([
    ['index.ts', /^(?:Oidc|Bearer|Keycloak|Entra|CustomProvider)/],
    ['redis.ts', /^(?:Oidc|Redis)/],
    ['testing.ts', /^(?:Test|UserAgent)/],
  ])('begin with a word of this package in %s', (file, prefix) => {
    const types = listTypes(file)
    expect(types.length).toBeGreaterThan(2)
    expect(types.filter((name) => !prefix.test(name))).toEqual([])
  })
})
