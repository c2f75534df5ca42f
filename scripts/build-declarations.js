import { posix } from 'node:path'
import ts from 'typescript'

/**
 * Selects the emitted declarations that an entry exports, and those that they refer to: users can write these or see them
 * in an editor. The rest of lib/ is internal, and would be a third of the declarations in the package.
 *
 * @param {ReadonlyMap<string, string>} files The text of each `.d.ts` file by path.
 * @param {readonly string[]} entries
 * @returns {Map<string, string>}
 */
export function publicDeclarations(files, entries) {
  /** @type {Map<string, DeclarationFile>} */
  const opened = new Map()

  /** @param {string} path */
  function open(path) {
    let file = opened.get(path)
    if (file) return file
    const text = files.get(path)
    if (text === undefined) throw new Error(`there is no ${path}`)
    file = new DeclarationFile(path, text)
    opened.set(path, file)
    for (const path of file.sideEffects) open(path)
    for (const statement of file.ambient) keep(file, statement)
    return file
  }

  /**
   * @param {string} path
   * @param {string} name
   */
  function need(path, name) {
    const file = open(path)
    if (!useIn(file, name)) throw new Error(`${path} has no ${name}`)
  }

  /**
   * @param {DeclarationFile} file
   * @param {string} name
   */
  function useIn(file, name) {
    const source = file.imports.get(name)
    if (source) file.used.add(name)
    if (source?.path) need(source.path, source.name)
    const own = file.declared.get(name) ?? []
    for (const statement of own) keep(file, statement)
    return source !== undefined || own.length > 0
  }

  /**
   * @param {DeclarationFile} file
   * @param {ts.Statement} statement
   */
  function keep(file, statement) {
    if (file.kept.has(statement)) return
    file.kept.add(statement)
    /** @param {ts.Node} node */
    const visit = (node) => {
      // Compares only the text of the name: a declaration too many does no harm, one too few does.
      if (ts.isIdentifier(node)) useIn(file, node.text)
      if (ts.isImportTypeNode(node)) throw new Error(`${file.path}: import() in a type is not followed`)
      ts.forEachChild(node, visit)
    }
    visit(statement)
  }

  for (const entry of entries) {
    for (const { path, name } of open(entry).reexports) need(path, name)
  }
  return new Map([...opened].map(([path, file]) => [path, file.text()]))
}

class DeclarationFile {
  /**
   * @param {string} path
   * @param {string} text
   */
  constructor(path, text) {
    this.path = path
    this.source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true)
    /** @type {Map<string, { path: string | undefined, name: string }>} Imports, by their local name. */
    this.imports = new Map()
    /** @type {Map<string, ts.Statement[]>} */
    this.declared = new Map()
    /** @type {{ path: string, name: string }[]} */
    this.reexports = []
    /** @type {string[]} Files that are imported for their side effects. */
    this.sideEffects = []
    /** @type {ts.Statement[]} Additions to modules and to the global scope: they are kept whenever the file is. */
    this.ambient = []
    /** @type {Set<ts.Statement>} */
    this.kept = new Set()
    /** @type {Set<string>} Imports that kept statements use. */
    this.used = new Set()
    for (const statement of this.source.statements) this.#read(statement)
  }

  /** @param {ts.Statement} statement */
  #read(statement) {
    if (ts.isImportDeclaration(statement)) {
      const path = this.#getPath(statement.moduleSpecifier)
      const { name, namedBindings } = statement.importClause ?? {}
      if (!statement.importClause && path) this.sideEffects.push(path)
      if (name) this.imports.set(name.text, { path, name: 'default' })
      if (namedBindings && ts.isNamespaceImport(namedBindings)) {
        if (path) throw new Error(`${this.path}: import * of a file is not followed`)
        this.imports.set(namedBindings.name.text, { path, name: '*' })
      } else {
        for (const { name, propertyName } of namedBindings?.elements ?? []) {
          this.imports.set(name.text, { path, name: (propertyName ?? name).text })
        }
      }
    } else if (ts.isExportDeclaration(statement)) {
      const path = statement.moduleSpecifier && this.#getPath(statement.moduleSpecifier)
      const clause = statement.exportClause
      this.kept.add(statement)
      // `export {}` means that statements without `export` are not exported.
      if (clause && ts.isNamedExports(clause) && clause.elements.length === 0) return
      if (!path || !clause || !ts.isNamedExports(clause)) throw new Error(`${this.path}: ${statement.getText()}?`)
      for (const { name, propertyName } of clause.elements) {
        this.reexports.push({ path, name: (propertyName ?? name).text })
      }
    } else if (ts.isModuleDeclaration(statement)) {
      this.ambient.push(statement)
    } else if (ts.isVariableStatement(statement)) {
      for (const { name } of statement.declarationList.declarations) this.#declare(name, statement)
    } else {
      const { name } = /** @type {ts.DeclarationStatement} */ (statement)
      if (!name) throw new Error(`${this.path}: ${statement.getText()} has no name`)
      this.#declare(name, statement)
    }
  }

  /**
   * @param {ts.Node} name
   * @param {ts.Statement} statement
   */
  #declare(name, statement) {
    const text = name.getText()
    this.declared.set(text, [...(this.declared.get(text) ?? []), statement])
  }

  /**
   * The path of the declarations of an imported source (`./a.ts`); undefined for a package.
   *
   * @param {ts.Expression} specifier
   */
  #getPath(specifier) {
    const { text } = /** @type {ts.StringLiteral} */ (specifier)
    if (!text.startsWith('.')) return undefined
    return posix.join(posix.dirname(this.path), text).replace(/\.ts$/, '.d.ts')
  }

  /** The text of the kept statements. */
  text() {
    const statements = this.source.statements.map((statement) => {
      if (ts.isImportDeclaration(statement)) return this.#getImport(statement)
      return this.kept.has(statement) ? statement.getFullText() : ''
    })
    return `${statements.join('').trim()}\n`
  }

  /** @param {ts.ImportDeclaration} statement */
  #getImport(statement) {
    const clause = statement.importClause
    if (!clause) return statement.getFullText()
    const { name, namedBindings } = clause
    const names = name && this.used.has(name.text) ? [name.text] : []
    if (namedBindings && ts.isNamedImports(namedBindings)) {
      const elements = namedBindings.elements.filter((element) => this.used.has(element.name.text))
      if (elements.length > 0) names.push(`{ ${elements.map((element) => element.getText()).join(', ')} }`)
    } else if (namedBindings && this.used.has(namedBindings.name.text)) {
      names.push(namedBindings.getText())
    }
    if (names.length === 0) return ''
    const before = statement.getFullText().slice(0, statement.getLeadingTriviaWidth())
    const type = clause.phaseModifier === ts.SyntaxKind.TypeKeyword ? 'type ' : ''
    return `${before}import ${type}${names.join(', ')} from ${statement.moduleSpecifier.getText()};`
  }
}
