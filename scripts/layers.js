// Reads from the import lines which file of lib/ imports which. `spec/layers.spec.ts` contains the rules.
//
//   node scripts/layers.js          prints import cycles, upward imports, duplicate and odd names, and the sizes
//   node scripts/layers.js DIR      prints the same for another lib/
import { readFileSync, readdirSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/**
 * @typedef {object} Import
 * @property {string} from path of the file, relative to lib/
 * @property {string} to a path relative to lib/, or the name of a package
 * @property {boolean} isPackage
 * @property {boolean} isType whether compilation removes it
 *
 * @typedef {object} Sources
 * @property {readonly string[]} files paths relative to lib/
 * @property {ReadonlyMap<string, string>} texts
 * @property {ReadonlyMap<string, ts.SourceFile>} sources
 * @property {readonly Import[]} imports
 */

/**
 * The folders of lib/, the highest first. A file may import values and types from its own folder and from folders below
 * it. `index.ts`, `redis.ts` and `testing.ts` contain only exports.
 *
 * @type {readonly string[]}
 */
export const floors = [
  'index.ts',
  'redis.ts',
  'http',
  'http/guards',
  'http/context',
  'http/routes',
  'http/response',
  'http/request',
  'logins/tokens',
  'logins/logout',
  'logins/login',
  'logins',
  'guard',
  'session',
  'tokens',
  'provider',
  'store',
  'presets',
  'config',
  'core',
]

/**
 * Pairs of folders that do not import from each other.
 *
 * @type {readonly (readonly [string, string])[]}
 */
const apart = [
  ['logins', 'guard'],
  ['session', 'tokens'],
  ['session', 'provider'],
  ['tokens', 'provider'],
  ['tokens', 'store'],
  ['provider', 'store'],
  ['presets', 'store'],
  ['redis.ts', 'http'],
]

/** The tools for tests. They import no other folder, and no other folder imports them. */
export const alone = ['testing', 'testing.ts']

/**
 * Reads all files of a folder.
 *
 * @param {string} lib
 * @returns {Sources}
 */
export function readSources(lib) {
  const files = readdirSync(lib, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.replaceAll('\\', '/'))
    .toSorted()
  const texts = new Map(files.map((name) => [name, readFileSync(join(lib, name), 'utf8')]))
  const sources = new Map(
    [...texts].map(([name, text]) => [name, ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true)]),
  )
  const imports = [...sources].flatMap(([from, source]) => listImports(from, source))
  return { files, texts, sources, imports }
}

/**
 * @param {string} from
 * @param {ts.SourceFile} source
 * @returns {Import[]}
 */
function listImports(from, source) {
  /** @type {Import[]} */
  const found = []
  const visit = (/** @type {ts.Node} */ node) => {
    const specifier = getSpecifier(node)
    if (specifier) {
      const { text, isType } = specifier
      const isPackage = !text.startsWith('.')
      const to = isPackage ? text : relative('/', join('/', dirname(from), text)).replaceAll('\\', '/')
      found.push({ from, to, isPackage, isType })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/**
 * @param {ts.Node} node
 * @returns {{ text: string, isType: boolean } | undefined}
 */
function getSpecifier(node) {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const clause = node.importClause
    const named = clause?.namedBindings
    const allTypes =
      clause !== undefined &&
      !clause.name &&
      named !== undefined &&
      ts.isNamedImports(named) &&
      named.elements.length > 0 &&
      named.elements.every((element) => element.isTypeOnly)
    return {
      text: node.moduleSpecifier.text,
      isType: clause?.phaseModifier === ts.SyntaxKind.TypeKeyword || allTypes,
    }
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
    return { text: node.moduleSpecifier.text, isType: node.isTypeOnly }
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
    return { text: node.argument.literal.text, isType: true }
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [argument] = node.arguments
    return { text: argument && ts.isStringLiteral(argument) ? argument.text : '(not a text)', isType: false }
  }
  return undefined
}

/**
 * The layer of a file: its folder with the parent folder, or the file itself if it is directly in lib/.
 *
 * @param {string} path
 */
export function getFloor(path) {
  const folder = dirname(path)
  if (folder === '.') return path
  const floor = folder.split('/').slice(0, 2).join('/')
  return floors.includes(floor) ? floor : getRoom(path)
}

/**
 * The top-level folder of lib/ that a file is in, or the file itself if it is directly in lib/.
 *
 * @param {string} path
 */
export function getRoom(path) {
  return /** @type {string} */ (path.split('/', 1)[0])
}

/**
 * Whether a folder is the other folder or is inside it.
 *
 * @param {string} folder
 * @param {string} other
 */
function isIn(folder, other) {
  return folder === other || folder.startsWith(`${other}/`)
}

/**
 * Whether an import violates the order of the layers, or connects two folders that must not import each other.
 *
 * @param {Import} found
 */
export function isUpward({ from, to, isPackage }) {
  if (isPackage) return false
  const [own, other] = [getFloor(from), getFloor(to)]
  if (own === other || (own === 'testing.ts' && other === 'testing')) return false
  if (alone.includes(own) || alone.includes(other)) return true
  if (apart.some(([a, b]) => (isIn(own, a) && isIn(other, b)) || (isIn(own, b) && isIn(other, a)))) return true
  return floors.indexOf(other) < floors.indexOf(own)
}

/**
 * The import cycles: groups of files that all reach each other (Tarjan's strongly connected components).
 *
 * @param {Sources} sources
 * @returns {string[][]}
 */
export function circles({ files, imports }) {
  /** @type {Map<string, number>} */
  const indices = new Map()
  /** @type {Map<string, number>} */
  const lowest = new Map()
  /** @type {string[]} */
  const stack = []
  /** @type {string[][]} */
  const found = []
  const least = (/** @type {string} */ name, /** @type {string} */ other) =>
    lowest.set(name, Math.min(lowest.get(name) ?? 0, lowest.get(other) ?? 0))
  const visit = (/** @type {string} */ name) => {
    indices.set(name, indices.size)
    lowest.set(name, indices.size - 1)
    stack.push(name)
    for (const { to } of imports.filter(({ from, isPackage }) => from === name && !isPackage)) {
      if (!indices.has(to)) visit(to)
      if (stack.includes(to)) least(name, to)
    }
    if (lowest.get(name) !== indices.get(name)) return
    const circle = stack.splice(stack.indexOf(name))
    if (circle.length > 1) found.push(circle)
  }
  for (const name of files) if (!indices.has(name)) visit(name)
  return found
}

/**
 * Files that share a name, except `index.ts` and files of testing/.
 *
 * @param {Sources} sources
 * @returns {string[][]}
 */
export function doubledNames({ files }) {
  /** @type {Map<string, string[]>} */
  const names = new Map()
  for (const file of files.filter((one) => !one.startsWith('testing/') && basename(one) !== 'index.ts')) {
    names.set(basename(file), [...(names.get(basename(file)) ?? []), file])
  }
  return [...names.values()].filter((same) => same.length > 1)
}

/**
 * @typedef {object} NamedFunction
 * @property {string} file
 * @property {string} name
 * @property {boolean} isTopLevel
 * @property {number} lines
 * @property {number} tries how many `try` statements it contains, without those of inner functions
 */

/**
 * The named functions and methods of the files outside testing/.
 *
 * @param {Sources} sources
 * @returns {NamedFunction[]}
 */
export function listFunctions({ sources }) {
  /** @type {NamedFunction[]} */
  const found = []
  for (const [file, source] of sources) {
    if (alone.includes(getRoom(file))) continue
    const visit = (/** @type {ts.Node} */ node) => {
      const named = ts.isVariableDeclaration(node) ? node : ts.isFunctionLike(node) && 'body' in node ? node : undefined
      const work = named && ts.isVariableDeclaration(named) ? named.initializer : named
      if (named?.name && work && ts.isFunctionLike(work) && 'body' in work && work.body) {
        const first = source.getLineAndCharacterOfPosition(work.getStart(source)).line
        const last = source.getLineAndCharacterOfPosition(work.getEnd()).line
        const outer = ts.isVariableDeclaration(node) ? node.parent.parent.parent : node.parent
        const isTopLevel = ts.isSourceFile(outer)
        const tries = countTries(work.body)
        found.push({ file, name: named.name.getText(source), isTopLevel, lines: last - first + 1, tries })
      }
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
  return found
}

/**
 * @param {ts.Node} node
 * @returns {number}
 */
function countTries(node) {
  let count = ts.isTryStatement(node) ? 1 : 0
  ts.forEachChild(node, (child) => {
    if (!ts.isFunctionLike(child)) count += countTries(child)
  })
  return count
}

/**
 * Top-level functions that share a name, one text each.
 *
 * @param {readonly NamedFunction[]} functions
 * @returns {string[]}
 */
export function doubledFunctions(functions) {
  const named = functions.filter(({ isTopLevel }) => isTopLevel)
  const names = named.map(({ name }) => name)
  const doubled = [...new Set(names.filter((name, index) => names.indexOf(name) < index))]
  const listFiles = (/** @type {string} */ doubledName) =>
    named.filter(({ name }) => name === doubledName).map(({ file }) => file)
  return doubled.map((name) => `${name} in ${listFiles(name).join(', ')}`)
}

/** @param {string} text */
export function countLines(text) {
  return text.split('\n').length - 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const sources = readSources(process.argv[2] ?? fileURLToPath(new URL('../lib', import.meta.url)))
  const product = [...sources.texts].filter(([name]) => !name.startsWith('testing/'))
  const sizes = product.map(([name, text]) => ({ name, lines: countLines(text) })).toSorted((a, b) => b.lines - a.lines)
  const print = (/** @type {string} */ what, /** @type {readonly string[]} */ found) =>
    console.log([`${what}: ${found.length}`, ...found.map((one) => `  ${one}`)].join('\n'))
  print(
    'import cycles, values and types',
    circles(sources).map((circle) => circle.join(' ')),
  )
  print(
    'upward imports, values and types',
    sources.imports.filter(isUpward).map(({ from, to }) => `${from} imports ${to}`),
  )
  print(
    'duplicate file names',
    doubledNames(sources).map((same) => same.join(' ')),
  )
  const functions = listFunctions(sources)
  print('duplicate names of top-level functions', doubledFunctions(functions))
  print(
    'functions whose name ends in Of',
    functions.filter(({ name }) => name.endsWith('Of')).map(({ file, name }) => `${name} in ${file}`),
  )
  print(
    'functions of more than 40 lines, or with more than one try',
    functions
      .filter(({ lines, tries }) => lines > 40 || tries > 1)
      .map(({ file, name, lines, tries }) => `${name} in ${file}: ${lines} lines, ${tries} try`),
  )
  const total = sizes.reduce((sum, { lines }) => sum + lines, 0)
  console.log(`files without testing/: ${sizes.length}, lines: ${total}`)
  console.log(
    `longest: ${sizes
      .slice(0, 5)
      .map(({ name, lines }) => `${name} ${lines}`)
      .join(', ')}`,
  )
}
