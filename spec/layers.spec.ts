/** Which part of lib/ may import which (docs/architecture.md), read from the import lines themselves. */
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const lib = join(root, 'lib')

interface Import {
  /** Path of the file below lib/. */
  readonly from: string
  /** A path below lib/, or the name of a package. */
  readonly to: string
  readonly isPackage: boolean
  /** Gone once compiled. */
  readonly isType: boolean
}

const files = readdirSync(lib, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.replaceAll('\\', '/'))
  .toSorted()

const texts = new Map(files.map((name) => [name, readFileSync(join(lib, name), 'utf8')]))
const sources = new Map(
  [...texts].map(([name, text]) => [name, ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true)]),
)

function specifierOf(node: ts.Node): { text: string; isType: boolean } | undefined {
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

const imports: Import[] = [...sources].flatMap(([from, source]) => {
  const found: Import[] = []
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node)
    if (specifier) {
      const { text, isType } = specifier
      const isPackage = !text.startsWith('.')
      const to = isPackage ? text : relative(lib, join(lib, dirname(from), text)).replaceAll('\\', '/')
      found.push({ from, to, isPackage, isType })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
})

/** The folder that a file stands in; the files of lib/ itself are each a room of their own. */
function roomOf(path: string): string {
  return path.includes('/') ? (path.split('/', 1)[0] as string) : path
}

/** What each room may import, besides itself. */
const floors: Readonly<Record<string, readonly string[]>> = {
  'index.ts': ['http', 'logins', 'guard', 'provider', 'tokens', 'session', 'store', 'config', 'core'],
  'redis.ts': ['session'],
  'testing.ts': ['testing'],
  http: ['logins', 'guard', 'provider', 'tokens', 'session', 'store', 'config', 'core'],
  logins: ['provider', 'tokens', 'session', 'store', 'config', 'core'],
  guard: ['provider', 'tokens', 'session', 'store', 'config', 'core'],
  provider: ['config', 'core'],
  tokens: ['config', 'core'],
  session: ['store', 'config', 'core'],
  store: ['config', 'core'],
  config: ['core'],
  core: [],
  testing: [],
}

/** Which rooms may import a package; `types`: those that may import its types alone. */
const packages: Readonly<Record<string, { readonly values: readonly string[]; readonly types: readonly string[] }>> = {
  express: { values: ['http'], types: ['config', 'guard', 'session'] },
  'express-session': { values: ['session'], types: [] },
  'connect-redis': { values: ['session'], types: [] },
  'openid-client': { values: ['provider'], types: [] },
  jose: { values: ['tokens', 'testing'], types: [] },
}

function lines(found: readonly Import[]): string[] {
  return found.map(({ from, to, isType }) => `${from} imports ${isType ? 'types of ' : ''}${to}`)
}

describe('the layers of lib/', () => {
  it('are all known', () => {
    expect([...new Set(files.map(roomOf))].toSorted()).toEqual(Object.keys(floors).toSorted())
    expect(imports.length).toBeGreaterThan(files.length)
  })

  it('import one way: index, http, logins and guard, provider and tokens and session, store, config, core', () => {
    const upward = imports.filter(({ from, to, isPackage }) => {
      const [own, other] = [roomOf(from), roomOf(to)]
      return !isPackage && own !== other && !floors[own]?.includes(other)
    })
    expect(lines(upward)).toEqual([])
  })

  it('import nothing that is not a file of lib/, with its ending written out', () => {
    const astray = imports.filter(({ to, isPackage }) => !isPackage && !texts.has(to))
    expect(lines(astray)).toEqual([])
  })

  it('know each package in its own room alone', () => {
    const stray = imports.filter(({ from, to, isPackage, isType }) => {
      if (!isPackage || to.startsWith('node:')) return false
      const allowed = packages[to]
      const room = roomOf(from)
      return !allowed?.values.includes(room) && !(isType && allowed?.types.includes(room))
    })
    expect(lines(stray)).toEqual([])
  })

  it('name the modules of Node by node:', () => {
    const bare = new Set(['crypto', 'fs', 'http', 'https', 'path', 'url', 'util', 'events', 'stream', 'timers'])
    expect(lines(imports.filter(({ to, isPackage }) => isPackage && bare.has(to.split('/', 1)[0] as string)))).toEqual(
      [],
    )
  })

  it('are entered through files that hold exports and nothing else', () => {
    for (const name of ['index.ts', 'redis.ts', 'testing.ts']) {
      const others = sources.get(name)?.statements.filter((statement) => !ts.isExportDeclaration(statement))
      expect(others, name).toEqual([])
    }
  })
})

describe('the files of lib/', () => {
  /** Longer than the rest, and why. */
  const long: Readonly<Record<string, string>> = {}
  const most = 250
  const lengthOf = (name: string): number => (texts.get(name) as string).split('\n').length - 1

  it(`have at most ${most} lines, unless a reason is given here`, () => {
    const tooLong = files.filter((name) => lengthOf(name) > most && !(name in long))
    expect(tooLong.map((name) => `${name}: ${lengthOf(name)} lines`)).toEqual([])
  })

  it('are not excused for a length that they no longer have', () => {
    expect(Object.keys(long).filter((name) => !texts.has(name) || lengthOf(name) <= most)).toEqual([])
  })

  it('wait for nothing while they are loaded, so that require() can load them', () => {
    const waiting = [...sources].flatMap(([name, source]) => {
      const found: string[] = []
      const visit = (node: ts.Node): void => {
        if (ts.isFunctionLike(node) || ts.isClassStaticBlockDeclaration(node)) return
        if (ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier)) found.push(name)
        ts.forEachChild(node, visit)
      }
      visit(source)
      return found
    })
    expect(waiting).toEqual([])
  })
})

describe('the package', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
    peerDependencies: Record<string, string>
    peerDependenciesMeta: Record<string, { optional: boolean }>
  }

  it('depends on openid-client and jose alone', () => {
    expect(Object.keys(manifest.dependencies).toSorted()).toEqual(['jose', 'openid-client'])
  })

  it('leaves Express, the session and the store to the application', () => {
    expect(Object.keys(manifest.peerDependencies).toSorted()).toEqual([
      'connect-redis',
      'express',
      'express-session',
      'redis',
    ])
    expect(manifest.peerDependenciesMeta).toEqual({ 'connect-redis': { optional: true }, redis: { optional: true } })
  })

  it('loads connect-redis, which is optional, only behind its entry for Redis', () => {
    const values = imports.filter(({ isType }) => !isType)
    const reached = new Set<string>()
    const queue = ['index.ts']
    for (const name of queue) {
      if (reached.has(name)) continue
      reached.add(name)
      queue.push(...values.filter(({ from, isPackage }) => from === name && !isPackage).map(({ to }) => to))
    }
    const loaded = new Set(values.filter(({ from, isPackage }) => reached.has(from) && isPackage).map(({ to }) => to))
    expect([...loaded].filter((name) => !name.startsWith('node:')).toSorted()).toEqual([
      'express-session',
      'jose',
      'openid-client',
    ])
  })
})
