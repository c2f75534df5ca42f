/**
 * TypeScript projects with the packed package: correct code compiles, wrong code does not, and the README's application
 * logs in. TypeScript 5.6 is the oldest version that is tested, with the newest types of Express.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logsIn } from './login.ts'
import { firstApplication, Project } from './project.ts'

const compilers = ['5.6', '6.0', 'latest']
const resolutions = {
  nodenext: { module: 'nodenext', moduleResolution: 'nodenext' },
  bundler: { module: 'preserve', moduleResolution: 'bundler' },
}
const strict = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  target: 'es2022',
  lib: ['es2022'],
  types: ['node'],
}
const peers = ['express-session-oidc', 'redis', 'connect-redis@9', '@types/node@20']
const newest = [...peers, 'express', 'express-session', '@types/express', '@types/express-session']
const older = [...peers, 'express@4', 'express-session@1.18', '@types/express@4', '@types/express-session@1.18']

const session = `declare module 'express-session' {
  interface SessionData {
    welcome?: string
  }
}
`

let tools: Project
beforeAll(async () => {
  tools = await Project.make('module')
  await tools.install(compilers.map((version) => `typescript-${version}@npm:typescript@${version}`))
})
afterAll(() => tools.remove())

async function typedProject(type: 'module' | 'commonjs', packages: readonly string[]): Promise<Project> {
  const project = await Project.make(type)
  await project.install(packages)
  for (const name of ['right.ts', 'wrong.ts']) {
    await project.write(name, await readFile(join(import.meta.dirname, 'typed', name), 'utf8'))
  }
  return project
}

/** Compiles a project; if it fails, the error contains the messages of the compiler. */
async function compile(project: Project, version: string, options: object): Promise<void> {
  const config = { compilerOptions: { ...strict, noEmit: true, ...options }, include: ['*.ts'] }
  await project.write('tsconfig.json', JSON.stringify(config))
  await project.run(process.execPath, [join(tools.folder, `node_modules/typescript-${version}/bin/tsc`)])
}

describe('the types of the packed package', { timeout: 180_000 }, () => {
  let project: Project
  beforeAll(async () => {
    project = await typedProject('module', newest)
  }, 180_000)
  afterAll(() => project.remove())

  describe.each(compilers)('with TypeScript %s', (version) => {
    it.each(Object.entries(resolutions))('the types resolve and report wrong code: %s', async (_name, resolution) => {
      await compile(project, version, { ...resolution, skipLibCheck: false })
    })
  })

  it.each(Object.entries(resolutions))('the types resolve with skipLibCheck too: %s', async (_name, resolution) => {
    await compile(project, '6.0', { ...resolution, skipLibCheck: true })
  })

  it('each wrong line is reported by the compiler', async () => {
    const wrong = await readFile(join(import.meta.dirname, 'typed/wrong.ts'), 'utf8')
    const mistakes = wrong.match(/@ts-expect-error/g)?.length
    await project.write('wrong.ts', wrong.replaceAll('@ts-expect-error', ''))
    const failure = await compile(project, 'latest', resolutions.nodenext).catch((error: Error) => error.message)
    await project.write('wrong.ts', wrong)
    expect(failure?.match(/wrong\.ts\(\d+,\d+\): error/g)?.length).toBe(mistakes)
  })
})

describe('a TypeScript project', { timeout: 180_000 }, () => {
  it.each(Object.keys(resolutions) as (keyof typeof resolutions)[])(
    "logs in with the README's application: %s",
    async (resolution) => {
      const project = await Project.make('module')
      try {
        await project.install(newest)
        const { app, provider } = await firstApplication()
        await project.write('app.ts', session + app)
        await project.write('provider.ts', provider)
        await compile(project, 'latest', { ...resolutions[resolution], noEmit: false, outDir: 'out' })
        await logsIn(project, { provider: 'out/provider.js', app: 'out/app.js' })
      } finally {
        await project.remove()
      }
    },
  )

  it('a CommonJS project compiles from TypeScript 5.8 on, which supports require() of ES modules', async () => {
    const project = await typedProject('commonjs', newest)
    try {
      for (const version of ['6.0', 'latest']) await compile(project, version, resolutions.nodenext)
    } finally {
      await project.remove()
    }
  })

  it('a project with Express 4, express-session 1.18 and their types compiles', async () => {
    const project = await typedProject('module', older)
    try {
      for (const version of ['5.6', 'latest']) await compile(project, version, resolutions.nodenext)
    } finally {
      await project.remove()
    }
  })
})
