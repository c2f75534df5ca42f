/** Which part of lib/ may import which (docs/architecture.md), read from the import lines themselves. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import {
  alone,
  circles,
  doubledNames,
  floorOf,
  floors,
  isUpward,
  linesOf,
  readSources,
  roomOf,
  type Import,
} from '../scripts/layers.js'

const root = join(import.meta.dirname, '..')
const lib = join(root, 'lib')

const all = readSources(lib)
const { files, texts, sources, imports } = all

/** Which rooms may import a package; `types`: those that may import its types alone. */
const packages: Readonly<Record<string, { readonly values: readonly string[]; readonly types: readonly string[] }>> = {
  express: { values: ['http'], types: ['config', 'guard', 'session', 'store'] },
  'express-session': { values: ['session', 'store'], types: [] },
  'connect-redis': { values: ['store'], types: [] },
  'openid-client': { values: ['provider'], types: [] },
  jose: { values: ['tokens', 'testing'], types: [] },
}

function lines(found: readonly Import[]): string[] {
  return found.map(({ from, to, isType }) => `${from} imports ${isType ? 'types of ' : ''}${to}`)
}

describe('the layers of lib/', () => {
  it('are all known', () => {
    expect([...new Set(files.map(floorOf))].toSorted()).toEqual([...floors, ...alone].toSorted())
    expect(imports.length).toBeGreaterThan(files.length)
  })

  it('import one way, types included', () => {
    expect(lines(imports.filter(isUpward))).toEqual([])
  })

  it('have no circles of files, types included', () => {
    expect(circles(all).map((circle) => circle.join(' '))).toEqual([])
  })

  it('have no two files of one name, `index.ts` apart', () => {
    expect(doubledNames(all)).toEqual([])
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
  const lengthOf = (name: string): number => linesOf(texts.get(name) as string)

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
