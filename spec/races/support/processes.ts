/** Several processes of one application on one Redis, which can be killed. */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { startMain, type MainProgram } from '../../support/main-program.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))

export interface Build {
  /** Path of a file of the sources, as it was built. */
  readonly pathOf: (source: string) => string
  readonly remove: () => Promise<void>
}

/** Builds the sources, for programs that run without a loader, into a folder of its own. */
export async function build(): Promise<Build> {
  const folder = await mkdtemp(join(tmpdir(), 'races-'))
  for (const part of ['lib', 'spec/support', 'spec/races/support']) {
    for (const file of await readdir(join(root, part), { recursive: true })) {
      if (!file.endsWith('.ts') || file.endsWith('.d.ts')) continue
      const { outputText } = ts.transpileModule(await readFile(join(root, part, file), 'utf8'), {
        compilerOptions: {
          module: ts.ModuleKind.ESNext,
          target: ts.ScriptTarget.ES2023,
          rewriteRelativeImportExtensions: true,
          verbatimModuleSyntax: true,
        },
      })
      const built = join(folder, part, file.replace(/ts$/, 'js'))
      await mkdir(dirname(built), { recursive: true })
      await writeFile(built, outputText)
    }
  }
  const exports = { '.': './lib/index.js', './redis': './lib/redis.js', './testing': './lib/testing.js' }
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'express-session-oidc', type: 'module', exports }),
  )
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir')
  return {
    pathOf: (source) => join(folder, source.replace(/ts$/, 'js')),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** One of the processes: killed and started again it is another program in the same place. */
export interface RaceProcess {
  readonly url: string
  readonly pid: number
  /** Kills it, with whatever it is doing, and waits until it is gone. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Ends it; whatever it printed beyond where it is. */
  stop(): Promise<string>
}

export async function startProcess(path: string, env: Record<string, string>): Promise<RaceProcess> {
  let main: MainProgram = await startMain(path, env)
  let said = ''
  const note = (): void => {
    said += main.printed().replaceAll(/^(?:process \d+|Open http:\S+)\n/gm, '')
  }
  const pid = (): number => Number(/^process (\d+)$/m.exec(main.printed())?.[1])
  return {
    get url() {
      return main.url
    },
    get pid() {
      return pid()
    },
    async kill() {
      process.kill(pid(), 'SIGKILL')
      const how = await main.stop()
      if (how !== 'SIGKILL') throw new Error(`it had ended before: ${how}\n${main.printed()}`)
      note()
    },
    async start() {
      main = await startMain(path, env)
    },
    async stop() {
      const how = await main.stop()
      note()
      return how === 'SIGTERM' ? said : `it had ended before: ${how}\n${said}`
    },
  }
}
