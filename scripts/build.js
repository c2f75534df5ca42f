// Builds dist/: JavaScript without comments, which nobody reads there, and declarations with comments, which editors
// show. It writes only files that the entries of the package import. A type error fails the build and leaves no dist/.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, posix, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { publicDeclarations } from './build-declarations.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = fileURLToPath(new URL('../dist', import.meta.url))
const entries = ['index', 'redis', 'testing']

/** @type {ts.FormatDiagnosticsHost} */
const host = {
  getCanonicalFileName: (name) => name,
  getCurrentDirectory: () => root,
  getNewLine: () => '\n',
}

/** @param {readonly ts.Diagnostic[]} diagnostics */
function stopAt(diagnostics) {
  if (diagnostics.length === 0) return
  const format = process.stderr.isTTY ? ts.formatDiagnosticsWithColorAndContext : ts.formatDiagnostics
  process.stderr.write(format(ts.sortAndDeduplicateDiagnostics(diagnostics), host))
  process.exit(1)
}

/**
 * Given scripts and all scripts that they import. Others are left out, because a file that contains only types compiles to
 * an empty script.
 *
 * @param {ReadonlyMap<string, string>} scripts
 * @param {readonly string[]} first
 */
function imported(scripts, first) {
  const found = new Map(first.map((name) => [name, scripts.get(name)]))
  for (const [name, text] of found) {
    if (text === undefined) throw new Error(`there is no ${name}`)
    for (const { fileName } of ts.preProcessFile(text).importedFiles) {
      const path = posix.join(posix.dirname(name), fileName)
      if (fileName.startsWith('.') && !found.has(path)) found.set(path, scripts.get(path))
    }
  }
  return /** @type {Map<string, string>} */ (found)
}

// A file that was removed from lib/ must not stay in the package.
rmSync(dist, { recursive: true, force: true })

const config = ts.readConfigFile(`${root}/tsconfig.build.json`, (path) => ts.sys.readFile(path))
const { options, fileNames, errors } = ts.parseJsonConfigFileContent(config.config ?? {}, ts.sys, root)
stopAt(config.error ? [config.error] : errors)

const program = ts.createProgram(fileNames, options)
stopAt(ts.getPreEmitDiagnostics(program))

/** @type {Map<string, string>} */
const declarations = new Map()
const { diagnostics } = program.emit(
  undefined,
  (name, text) => declarations.set(relative(dist, name).replaceAll('\\', '/'), text),
  undefined,
  true,
)
stopAt(diagnostics)

// The types are already checked, so removing them needs no second program.
/** @type {ts.CompilerOptions} */
const scriptOptions = { ...options, module: ts.ModuleKind.ESNext, declaration: false, removeComments: true }
const scripts = new Map(
  fileNames.map((fileName) => {
    const source = program.getSourceFile(fileName)?.text ?? ''
    const { outputText } = ts.transpileModule(source, { compilerOptions: scriptOptions, fileName })
    const name = relative(options.rootDir ?? root, fileName).replaceAll('\\', '/')
    return [name.replace(/\.ts$/, '.js'), outputText]
  }),
)

const files = [
  ...imported(
    scripts,
    entries.map((entry) => `${entry}.js`),
  ),
  ...publicDeclarations(
    declarations,
    entries.map((entry) => `${entry}.d.ts`),
  ),
]
for (const [name, text] of files) {
  const path = `${dist}/${name}`
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
