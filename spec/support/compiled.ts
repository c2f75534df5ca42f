/** Compiles the sources to JavaScript once for the whole run, for programs that tests start without a loader. */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformWithOxc } from 'vite'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder of the compiled files, each of which has the same path as its source. */
    compiled: string
  }
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const parts = ['lib', 'spec/support', 'spec/races/support']

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'compiled-'))
  project.provide('compiled', folder)
  await Promise.all(parts.map((part) => compileFolder(part, folder)))
  const exports = { '.': './lib/index.js', './redis': './lib/redis.js', './testing': './lib/testing.js' }
  const manifest = { name: 'express-session-oidc', type: 'module', exports }
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir')
  return () => rm(folder, { recursive: true, force: true })
}

async function compileFolder(part: string, to: string): Promise<void> {
  const names = await readdir(join(root, part), { recursive: true })
  const sources = names.filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
  await Promise.all(sources.map((name) => compileFile(join(part, name), to)))
}

async function compileFile(name: string, to: string): Promise<void> {
  const path = join(root, name)
  const { code } = await transformWithOxc(await readFile(path, 'utf8'), path, {
    target: 'es2023',
    typescript: { onlyRemoveTypeImports: true, rewriteImportExtensions: 'rewrite' },
    sourcemap: false,
  })
  const compiled = join(to, name.replace(/ts$/, 'js'))
  await mkdir(dirname(compiled), { recursive: true })
  await writeFile(compiled, code)
}
