/** Which part of lib/ may import which (docs/architecture.md), checked on the import statements. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import {
  alone,
  circles,
  doubledFunctions,
  doubledNames,
  listFunctions,
  getFloor,
  floors,
  isUpward,
  countLines,
  readSources,
  getRoom,
  type Import,
} from '../scripts/layers.js'

const root = join(import.meta.dirname, '..')
const lib = join(root, 'lib')

const all = readSources(lib)
const { files, texts, sources, imports } = all

/** The folders that may import each package; `types`: those that may import its types only. */
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
  it('every file of lib/ belongs to a known layer', () => {
    expect([...new Set(files.map(getFloor))].toSorted()).toEqual([...floors, ...alone].toSorted())
    expect(imports.length).toBeGreaterThan(files.length)
  })

  it('layers import in one direction only, types included', () => {
    expect(lines(imports.filter(isUpward))).toEqual([])
  })

  it('no files of lib/ import each other in a circle, types included', () => {
    expect(circles(all).map((circle) => circle.join(' '))).toEqual([])
  })

  it('no two files of lib/ have the same name, except `index.ts`', () => {
    expect(doubledNames(all)).toEqual([])
  })

  it('no two top-level functions of lib/ have the same name, and no name ends in Of', () => {
    const functions = listFunctions(all)
    expect(functions.length).toBeGreaterThan(500)
    expect(doubledFunctions(functions)).toEqual([])
    expect(functions.filter(({ name }) => name.endsWith('Of')).map(({ name }) => name)).toEqual([])
  })

  it('relative imports name existing files of lib/, with their extension', () => {
    const astray = imports.filter(({ to, isPackage }) => !isPackage && !texts.has(to))
    expect(lines(astray)).toEqual([])
  })

  it('each package is imported only by its own folder of lib/', () => {
    const stray = imports.filter(({ from, to, isPackage, isType }) => {
      if (!isPackage || to.startsWith('node:')) return false
      const allowed = packages[to]
      const room = getRoom(from)
      return !allowed?.values.includes(room) && !(isType && allowed?.types.includes(room))
    })
    expect(lines(stray)).toEqual([])
  })

  it('modules of Node are imported with the prefix node:', () => {
    const bare = new Set(['crypto', 'fs', 'http', 'https', 'path', 'url', 'util', 'events', 'stream', 'timers'])
    expect(lines(imports.filter(({ to, isPackage }) => isPackage && bare.has(to.split('/', 1)[0] as string)))).toEqual(
      [],
    )
  })

  it('the entry files of lib/ contain only exports', () => {
    for (const name of ['index.ts', 'redis.ts', 'testing.ts']) {
      const others = sources.get(name)?.statements.filter((statement) => !ts.isExportDeclaration(statement))
      expect(others, name).toEqual([])
    }
  })
})

describe('the files of lib/', () => {
  const most = 250
  const getLength = (name: string): number => countLines(texts.get(name) as string)

  it(`files of lib/ have at most ${most} lines`, () => {
    const tooLong = files.filter((name) => getLength(name) > most)
    expect(tooLong.map((name) => `${name}: ${getLength(name)} lines`)).toEqual([])
  })

  it('files of lib/ have no top-level await, so that require() can load them', () => {
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

describe('the manifest of the package', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
    peerDependencies: Record<string, string>
    peerDependenciesMeta: Record<string, { optional: boolean }>
  }

  it('the package depends on openid-client and jose only', () => {
    expect(Object.keys(manifest.dependencies).toSorted()).toEqual(['jose', 'openid-client'])
  })

  it('the package leaves Express, the session and the store to the application', () => {
    expect(Object.keys(manifest.peerDependencies).toSorted()).toEqual([
      'connect-redis',
      'express',
      'express-session',
      'redis',
    ])
    expect(manifest.peerDependenciesMeta).toEqual({ 'connect-redis': { optional: true }, redis: { optional: true } })
  })

  it('the main entry never loads connect-redis, which is optional', () => {
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
