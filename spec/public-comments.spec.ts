/** The comments that an editor shows for what users write: functions and their options. */
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { readSources } from '../scripts/layers.js'

const { sources } = readSources(join(import.meta.dirname, '../lib'))
const statements = [...sources].flatMap(([file, { statements: each }]) => each.map((node) => ({ file, node })))

const entryPoints = ['index.ts', 'redis.ts', 'testing.ts']

/** The names that the entry points export. */
const exported = new Set(
  entryPoints.flatMap((file) => {
    const declarations = (sources.get(file) as ts.SourceFile).statements.filter(ts.isExportDeclaration)
    return declarations.flatMap(({ exportClause }) =>
      exportClause && ts.isNamedExports(exportClause) ? exportClause.elements.map(({ name }) => name.text) : [],
    )
  }),
)

const interfaces = new Map(
  statements.flatMap(({ node }) => (ts.isInterfaceDeclaration(node) ? [[node.name.text, node] as const] : [])),
)

function listTags(node: ts.Node): string[] {
  return ts.getJSDocTags(node).map(({ tagName }) => tagName.text)
}

function readComment(node: ts.Node): string {
  return ts
    .getJSDocCommentsAndTags(node)
    .map((each) => each.getText())
    .join('\n')
}

/** Lists what the comment of a member lacks. */
function findFaults(owner: string, member: ts.TypeElement): string[] {
  const name = `${owner}.${member.name?.getText() ?? 'a call'}`
  const comment = readComment(member)
  if (comment === '') return [`${name}: no comment`]
  const tags = listTags(member)
  const faults: string[] = []
  if (member.questionToken && !tags.includes('default')) faults.push(`${name}: no @default`)
  if (!tags.includes('example')) faults.push(`${name}: no @example`)
  if (member.name?.getText().endsWith('Seconds') && !/\bseconds?\b/i.test(comment)) faults.push(`${name}: no unit`)
  return faults
}

/** Interfaces of options, parameters and rules: users write their members. */
const written = [...interfaces].filter(([name]) => /(?:Options|Parameters|Rule|Rules)$/.test(name) && isPublic(name))

/** Whether an interface is exported, or an exported one extends it. */
function isPublic(name: string): boolean {
  if (exported.has(name)) return true
  return [...interfaces].some(
    ([other, node]) =>
      exported.has(other) && node.heritageClauses?.some((clause) => new RegExp(`\\b${name}\\b`).test(clause.getText())),
  )
}

describe('the documentation comments', () => {
  it('tell the meaning, default, unit and an example of each option', () => {
    expect(written.length).toBeGreaterThan(15)
    const faults = written.flatMap(([name, node]) => node.members.flatMap((member) => findFaults(name, member)))
    expect(faults).toEqual([])
  })

  it('have an example for each exported function and class', () => {
    const declared = statements.flatMap(({ file, node }) =>
      (ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node)) && node.name && exported.has(node.name.text)
        ? [{ file, node, name: node.name.text }]
        : [],
    )
    expect(declared.length).toBeGreaterThan(10)
    expect(declared.filter(({ node }) => !listTags(node).includes('example')).map(({ name }) => name)).toEqual([])
  })

  it.each(['Oidc', 'Bearer', 'OidcLogins', 'TokenGuards'])('have an example for each member of %s', (name) => {
    const members = interfaces.get(name)?.members ?? []
    const bare = members.filter((member) => !listTags(member).includes('example') || readComment(member) === '')
    expect(bare.map((member) => member.getText().split('\n')[0])).toEqual([])
  })
})
