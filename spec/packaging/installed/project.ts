/** A user's project: an empty folder, with the package and other packages installed. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { inject } from 'vitest'

const run = promisify(execFile)
const root = new URL('../../..', import.meta.url).pathname

export class Project {
  readonly folder: string
  readonly #children: ChildProcess[] = []

  private constructor(folder: string) {
    this.folder = folder
  }

  /** An empty folder, or one with a `package.json` of this module type. */
  static async make(type?: 'module' | 'commonjs'): Promise<Project> {
    const project = new Project(await mkdtemp(join(tmpdir(), 'project-')))
    if (type) await project.write('package.json', JSON.stringify({ name: 'application', private: true, type }))
    return project
  }

  /** Installs packages; the package's own name is replaced by the tarball. */
  async install(names: readonly string[]): Promise<void> {
    const given = names.map((name) => (name === 'express-session-oidc' ? inject('packed').file : name))
    await this.run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...given])
  }

  /** Runs a program to its end; if it fails, the error contains its output. */
  async run(program: string, words: readonly string[]): Promise<string> {
    try {
      return (await run(program, [...words], { cwd: this.folder })).stdout
    } catch (error) {
      const { stdout, stderr } = error as { stdout?: string; stderr?: string }
      throw new Error(`${program} ${words.join(' ')}:\n${stdout}${stderr}`, { cause: error })
    }
  }

  async write(name: string, text: string): Promise<void> {
    await writeFile(join(this.folder, name), text)
  }

  /** Loads a module of the package as the programs of this project do. */
  async load<Module>(name: string): Promise<Module> {
    const path = createRequire(join(this.folder, 'package.json')).resolve(name)
    return (await import(pathToFileURL(path).href)) as Module
  }

  /** Starts a program that runs until the project is removed. Resolves to the first line that it prints. */
  start(file: string, env: Record<string, string>): Promise<string> {
    const child = spawn(process.execPath, [file], {
      cwd: this.folder,
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#children.push(child)
    let printed = ''
    return new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', () => reject(new Error(`${file} ended: ${printed}`)))
      for (const stream of [child.stderr, child.stdout]) {
        stream.setEncoding('utf8').on('data', (data: string) => {
          printed += data
          if (stream === child.stdout && printed.includes('\n')) resolve(data.split('\n', 1)[0] as string)
        })
      }
    })
  }

  /** Ends its programs and deletes its folder. */
  async remove(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL')
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** A code block in the README. */
export interface Block {
  readonly language: string
  /** The file that the line before the block names. */
  readonly file: string | undefined
  readonly code: string
}

/** The code blocks of a section of the README, in order. */
export async function readmeBlocks(heading: string): Promise<Block[]> {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const section = readme.split(`${heading}\n`)[1]?.split(/\n##/)[0] ?? ''
  const blocks = [...section.matchAll(/(?:`(\S+\.js)`:\n\n)?```(\w+)\n([\s\S]*?)```/g)]
  return blocks.map(([, file, language, code]) => ({ file, language: language as string, code: code as string }))
}

/** The README's first application and its provider. */
export async function firstApplication(): Promise<{ app: string; provider: string; blocks: readonly Block[] }> {
  const blocks = await readmeBlocks('## A first application')
  const getCode = (name: string): string => blocks.find(({ file }) => file === name)?.code ?? ''
  return { app: getCode('app.js'), provider: getCode('provider.js'), blocks }
}

/** Replaces a text that must exist. */
export function replaced(text: string, from: string | RegExp, to: string): string {
  const result = text.replace(from, () => to)
  if (result === text) throw new Error(`nothing to replace: ${from}`)
  return result
}
