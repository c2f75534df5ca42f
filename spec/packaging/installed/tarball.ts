/** Packs the package as publishing does, including the build, once for all files. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'

export interface Packed {
  /** Path of the tarball. */
  readonly file: string
  /** Size in bytes. */
  readonly size: number
  /** Paths of the files in it. */
  readonly paths: readonly string[]
}

declare module 'vitest' {
  interface ProvidedContext {
    packed: Packed
  }
}

interface NpmPack {
  filename: string
  size: number
  files: { path: string }[]
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'packed-'))
  const { stdout } = await promisify(execFile)('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: project.config.root,
  })
  const [{ filename, size, files }] = JSON.parse(stdout) as [NpmPack]
  project.provide('packed', { file: join(folder, filename), size, paths: files.map(({ path }) => path).toSorted() })
  return () => rm(folder, { recursive: true })
}
