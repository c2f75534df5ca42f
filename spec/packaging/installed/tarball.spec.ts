/** The contents of the tarball: the files that its entries import, the documents for users, and nothing else. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import { promisify } from 'node:util'
import { publint } from 'publint'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import manifest from '../../../package.json' with { type: 'json' }

const run = promisify(execFile)
const root = new URL('../../..', import.meta.url).pathname
const packed = inject('packed')
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unpacked-'))
  await run('tar', ['xzf', packed.file, '-C', folder, '--strip-components', '1'])
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const documents = ['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'docs/setup-mistakes.md', 'package.json']
const entries = Object.values(manifest.exports).filter((entry) => typeof entry === 'object')
const scripts = entries.map((entry) => posix.normalize(entry.default))
const declarations = entries.map((entry) => posix.normalize(entry.types))

/** These files and all files that they import, directly or indirectly. */
async function ledTo(first: readonly string[], ending: string): Promise<string[]> {
  const found = new Set(first)
  for (const path of found) {
    const text = await readFile(join(folder, path), 'utf8')
    for (const [, specifier] of text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"](\.[^'"]+)['"]/g)) {
      found.add(posix.join(posix.dirname(path), specifier as string).replace(/\.[jt]s$/, ending))
    }
  }
  return [...found].toSorted()
}

describe('the tarball', () => {
  it('contains the scripts and declarations behind its entries, the user documents, and nothing else', async () => {
    const expected = [...documents, ...(await ledTo(scripts, '.js')), ...(await ledTo(declarations, '.d.ts'))]
    expect(packed.paths).toEqual(expected.toSorted())
    expect(scripts).toEqual(['dist/index.js', 'dist/redis.js', 'dist/testing.js'])
  })

  it('contains all of lib/ except files that only have types', async () => {
    const sources = (await readdir(join(root, 'lib'), { recursive: true })).filter((name) => name.endsWith('.ts'))
    const leftOut: string[] = []
    for (const name of sources) {
      if (packed.paths.includes(`dist/${name.replace(/\.ts$/, '.js')}`)) continue
      const text = await readFile(join(root, 'lib', name), 'utf8')
      const { outputText } = ts.transpileModule(text, {
        compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, removeComments: true },
      })
      if (outputText.trim() !== 'export {};') leftOut.push(name)
    }
    expect(leftOut).toEqual([])
    const orphans = packed.paths.filter(
      (path) =>
        path.startsWith('dist/') &&
        !existsSync(join(root, path.replace(/^dist/, 'lib').replace(/(\.d)?\.[jt]s$/, '.ts'))),
    )
    expect(orphans).toEqual([])
  })

  // Login alone took 99 kB. Bearer guards, Entra and the test helpers were added later, then 20 kB of documentation comments.
  it('the tarball is smaller than 250 kB', () => {
    console.log(`${packed.size} bytes packed, ${packed.paths.length} files`)
    expect(packed.size).toBeLessThan(250_000)
  })

  it('has its documentation in the declarations, and no comments in the scripts', async () => {
    const options = await readFile(join(folder, 'dist/config/options.d.ts'), 'utf8')
    expect(options).toContain('The client identifier that is registered with the provider.')
    expect(options).toContain("@default 'client_secret_basic'")
    for (const path of packed.paths.filter((path) => path.endsWith('.js'))) {
      expect(await readFile(join(folder, path), 'utf8'), path).not.toMatch(/^\s*(\/\/|\/\*)/m)
    }
  })

  it('the documents of the tarball link only to files that exist in the repository', async () => {
    for (const path of documents.filter((path) => path.endsWith('.md'))) {
      const text = await readFile(join(folder, path), 'utf8')
      for (const [, link] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
        expect(existsSync(join(root, posix.dirname(path), link as string)), `${path}: ${link}`).toBe(true)
      }
    }
  })

  it('publint reports nothing about the tarball', async () => {
    const bytes = await readFile(packed.file)
    const tarball = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
    const { messages } = await publint({ pack: { tarball }, level: 'suggestion', strict: true })
    expect(messages).toEqual([])
  })

  it('the types of the tarball resolve for every way to import it', { meta: { id: 'tarball-1' } }, async () => {
    // The command fails if it finds a problem.
    const { stdout } = await run('npx', ['attw', packed.file, '--profile', 'esm-only', '--format', 'ascii'], {
      cwd: root,
    })
    for (const path of Object.keys(manifest.exports)) expect(stdout).toContain(path.replace('.', manifest.name))
  })
})
