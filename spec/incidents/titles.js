/** The titles of a file of specs, read from its source. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

/**
 * A title of a `describe` or an `it`; what a template title fills in stands as `*`.
 *
 * @typedef {object} Title
 * @property {string} text
 * @property {boolean} skipped whether it, or a `describe` around it, is `skip` or `todo`; `skipIf` is none of these
 */

/**
 * What a file of specs says.
 *
 * @typedef {object} Titles
 * @property {readonly Title[]} titles
 * @property {ReadonlySet<string>} texts all texts in it: the rows of its tables among them
 */

/** @type {Map<string, Titles | undefined>} */
const read = new Map()

/**
 * The titles of a file; undefined where it is not there.
 *
 * @param {string} root
 * @param {string} file
 * @returns {Titles | undefined}
 */
export function titlesOf(root, file) {
  const path = join(root, file)
  if (!read.has(path)) read.set(path, existsSync(path) ? parse(path) : undefined)
  return read.get(path)
}

/**
 * @param {string} path
 * @returns {Titles}
 */
function parse(path) {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2023, true)
  /** @type {Title[]} */
  const titles = []
  /** @type {Set<string>} */
  const texts = new Set()
  /**
   * @param {ts.Node} node
   * @param {boolean} skipped
   */
  const visit = (node, skipped) => {
    if (ts.isStringLiteralLike(node)) texts.add(node.text)
    const title = ts.isCallExpression(node) ? titleOf(node) : undefined
    if (title) titles.push({ text: title.text, skipped: skipped || title.skipped })
    ts.forEachChild(node, (child) => visit(child, skipped || title?.skipped === true))
  }
  visit(source, false)
  return { titles, texts }
}

/**
 * The title of a call of `describe` or `it`, in any of its forms (`it.each(...)('...')`, `describe.skip('...')`).
 *
 * @param {ts.CallExpression} call
 * @returns {Title | undefined}
 */
function titleOf(call) {
  const [first] = call.arguments
  const text = first && textOf(first)
  if (text === undefined) return undefined
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
  return { text, skipped: modifiers.includes('skip') || modifiers.includes('todo') }
}

/**
 * @param {ts.Expression} title
 * @returns {string | undefined}
 */
function textOf(title) {
  if (ts.isStringLiteralLike(title)) return title.text
  if (!ts.isTemplateExpression(title)) return undefined
  return [title.head.text, ...title.templateSpans.map(({ literal }) => literal.text)].join('*')
}
