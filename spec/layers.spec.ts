/** Which part of lib/ may import which (docs/architecture.md), read from the import lines themselves. */
import { readFileSync, readdirSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
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

/**
 * The folders of lib/, the highest first. A file may import from its own folder and from those below it, values and types
 * alike. `index.ts`, `redis.ts` and `testing.ts` hold exports only.
 */
const floors: readonly string[] = [
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

/** Folders that stand beside each other: neither imports from the other. */
const apart: readonly (readonly [string, string])[] = [
  ['logins', 'guard'],
  ['session', 'tokens'],
  ['session', 'provider'],
  ['tokens', 'provider'],
  ['tokens', 'store'],
  ['provider', 'store'],
  ['presets', 'store'],
  ['redis.ts', 'http'],
]

/** Folders that nothing but index.ts imports from, or that import from nothing. */
const alone = ['testing', 'testing.ts']

/** The floor that a file stands on: its folder with the folder above it, or a file of lib/ itself. */
function roomOf(path: string): string {
  const folder = dirname(path)
  if (folder === '.') return path
  const room = folder.split('/').slice(0, 2).join('/')
  return floors.includes(room) ? room : (folder.split('/', 1)[0] as string)
}

/** Whether a folder is the other or stands in it. */
function isIn(room: string, other: string): boolean {
  return room === other || room.startsWith(`${other}/`)
}

function isUpward({ from, to, isPackage }: Import): boolean {
  if (isPackage) return false
  const [own, other] = [roomOf(from), roomOf(to)]
  if (own === other || (own === 'testing.ts' && other === 'testing')) return false
  if (alone.includes(own) || alone.includes(other)) return true
  if (apart.some((pair) => pair.some((one, n) => isIn(own, one) && isIn(other, pair[1 - n] as string)))) return true
  return floors.indexOf(other) < floors.indexOf(own)
}

/** Which rooms may import a package; `types`: those that may import its types alone. */
const packages: Readonly<Record<string, { readonly values: readonly string[]; readonly types: readonly string[] }>> = {
  express: { values: ['http'], types: ['config', 'guard', 'session', 'store'] },
  'express-session': { values: ['session', 'store'], types: [] },
  'connect-redis': { values: ['store'], types: [] },
  'openid-client': { values: ['provider'], types: [] },
  jose: { values: ['tokens', 'testing'], types: [] },
}

/** The circles among files: each file of one reaches every other (Tarjan's strongly connected components). */
function circles(names: readonly string[]): string[][] {
  const indices = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: string[] = []
  const found: string[][] = []
  const visit = (name: string): void => {
    indices.set(name, indices.size)
    lowest.set(name, indices.get(name) as number)
    stack.push(name)
    for (const { to } of imports.filter(({ from, isPackage }) => from === name && !isPackage)) {
      if (!indices.has(to)) visit(to)
      if (stack.includes(to)) lowest.set(name, Math.min(lowest.get(name) as number, lowest.get(to) as number))
    }
    if (lowest.get(name) !== indices.get(name)) return
    const circle = stack.splice(stack.indexOf(name))
    if (circle.length > 1) found.push(circle)
  }
  for (const name of names) if (!indices.has(name)) visit(name)
  return found
}

function lines(found: readonly Import[]): string[] {
  return found.map(({ from, to, isType }) => `${from} imports ${isType ? 'types of ' : ''}${to}`)
}

describe('the layers of lib/', () => {
  it('are all known', () => {
    expect([...new Set(files.map(roomOf))].toSorted()).toEqual([...floors, ...alone].toSorted())
    expect(imports.length).toBeGreaterThan(files.length)
  })

  it('import one way, types included', () => {
    expect(lines(imports.filter(isUpward))).toEqual([])
  })

  it('have no circles of files, types included', () => {
    expect(circles(files).map((circle) => circle.join(' '))).toEqual([])
  })

  it('have no two files of one name, `index.ts` apart', () => {
    const names = new Map<string, string[]>()
    for (const name of files.filter((file) => !file.startsWith('testing/'))) {
      names.set(basename(name), [...(names.get(basename(name)) ?? []), name])
    }
    expect([...names.values()].filter((same) => same.length > 1)).toEqual([])
  })

  it('import nothing that is not a file of lib/, with its ending written out', () => {
    const astray = imports.filter(({ to, isPackage }) => !isPackage && !texts.has(to))
    expect(lines(astray)).toEqual([])
  })

  it('know each package in its own room alone', () => {
    const stray = imports.filter(({ from, to, isPackage, isType }) => {
      if (!isPackage || to.startsWith('node:')) return false
      const allowed = packages[to]
      const room = from.split('/', 1)[0] as string
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
