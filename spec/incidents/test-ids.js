/** Finds the ids of tests and table rows in the sources of the specs. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

/**
 * A `describe`, an `it` or a row of a table that has an id.
 *
 * @typedef {object} Identified
 * @property {'test' | 'row'} kind
 * @property {string} file below the folder of the specs
 * @property {string} title with `*` for each value that a template title inserts; of a row, its name
 * @property {boolean} skipped whether it or a `describe` around it is `skip` or `todo`; `skipIf` does not count
 */

/** @typedef {ReadonlyMap<string, readonly Identified[]>} TestIds by id; more than one entry is an error */

/**
 * Reads all ids below a folder.
 *
 * @param {string} folder
 * @returns {TestIds}
 */
export function readTestIds(folder) {
  /** @type {Map<string, Identified[]>} */
  const ids = new Map()
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    if (!file.endsWith('.ts')) continue
    const text = readFileSync(join(folder, file), 'utf8')
    // Parsing takes most of the time, and most files have no id.
    if (!/\b(meta|withId)\b/.test(text)) continue
    for (const { id, ...found } of parse(file, text)) ids.set(id, [...(ids.get(id) ?? []), found])
  }
  return ids
}

/**
 * @param {string} file
 * @param {string} text
 * @returns {(Identified & { id: string })[]}
 */
function parse(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true)
  /** @type {(Identified & { id: string })[]} */
  const found = []
  /**
   * @param {ts.Node} node
   * @param {boolean} isSkipped
   */
  const visit = (node, isSkipped) => {
    const test = ts.isCallExpression(node) ? readTest(node) : undefined
    const skipped = isSkipped || test?.skipped === true
    if (test?.id !== undefined) found.push({ id: test.id, kind: 'test', file, title: test.title, skipped })
    const row = ts.isCallExpression(node) ? readRow(node) : undefined
    if (row) found.push({ ...row, kind: 'row', file, skipped })
    ts.forEachChild(node, (child) => visit(child, skipped))
  }
  visit(source, false)
  return found
}

/**
 * Reads a call of `describe` or `it` in any of its forms (`it.each(...)('...')`, `describe.skip('...')`).
 *
 * @param {ts.CallExpression} call
 * @returns {{ id: string | undefined, title: string, skipped: boolean } | undefined}
 */
function readTest(call) {
  const [first, options] = call.arguments
  const title = first && readText(first)
  if (title === undefined) return undefined
  /** @type {string[]} */
  const modifiers = []
  /** @type {ts.Expression} */
  let callee = call.expression
  while (!ts.isIdentifier(callee)) {
    if (ts.isPropertyAccessExpression(callee)) modifiers.push(callee.name.text)
    else if (!ts.isCallExpression(callee) && !ts.isTaggedTemplateExpression(callee)) return undefined
    callee = ts.isTaggedTemplateExpression(callee) ? callee.tag : callee.expression
  }
  if (!['describe', 'it', 'test'].includes(callee.text)) return undefined
  const id = readProperty(readProperty(options, 'meta'), 'id')
  const isSkipped = ['skip', 'todo'].some(
    (word) => modifiers.includes(word) || readProperty(options, word)?.kind === ts.SyntaxKind.TrueKeyword,
  )
  return { id: id && readText(id), title, skipped: isSkipped }
}

/**
 * Reads a call of `withId`: the row is named by the text in it, or by the property whose value it is.
 *
 * @param {ts.CallExpression} call
 * @returns {{ id: string, title: string } | undefined}
 */
function readRow(call) {
  if (!ts.isIdentifier(call.expression) || call.expression.text !== 'withId') return undefined
  const [id, row] = call.arguments.map(readText)
  if (id === undefined) return undefined
  const property = ts.isPropertyAssignment(call.parent) ? call.parent.name : undefined
  return { id, title: row ?? (property && ts.isStringLiteralLike(property) ? property.text : id) }
}

/**
 * @param {ts.Expression | undefined} object
 * @param {string} name
 * @returns {ts.Expression | undefined}
 */
function readProperty(object, name) {
  if (!object || !ts.isObjectLiteralExpression(object)) return undefined
  const property = object.properties.find((member) => member.name && member.name.getText() === name)
  return property && ts.isPropertyAssignment(property) ? property.initializer : undefined
}

/**
 * @param {ts.Expression} node
 * @returns {string | undefined}
 */
function readText(node) {
  if (ts.isStringLiteralLike(node)) return node.text
  if (!ts.isTemplateExpression(node)) return undefined
  return [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('*')
}
