/** The README's application in empty projects, with the packed package: as modules, with require(), and on Redis. */
import { afterEach, describe, expect, inject, it } from 'vitest'
import { logsIn } from './login.ts'
import { firstApplication, Project, readmeBlocks, replaced } from './project.ts'

const projects: Project[] = []
afterEach(async () => {
  for (const project of projects.splice(0)) await project.remove()
})

async function newProject(type?: 'module' | 'commonjs'): Promise<Project> {
  const project = await Project.make(type)
  projects.push(project)
  return project
}

/** Expects all required peers, in fitting versions. */
async function fits(project: Project): Promise<void> {
  const { problems } = JSON.parse(await project.run('npm', ['ls', '--all', '--json'])) as { problems?: string[] }
  expect(problems ?? []).toEqual([])
}

/** Rewrites a module for require(). */
function required(code: string): string {
  const imports = /^import (.+) from '(.+)'$/gm
  const head = [...code.matchAll(imports)].map(([, names, from]) => `const ${names} = require('${from}')`)
  return `${head.join('\n')}\nasync function main() {\n${code.replaceAll(imports, '')}}\nvoid main()\n`
}

describe('the packed package', { timeout: 180_000 }, () => {
  it('the application of the README, typed into an empty folder, logs in', async () => {
    const { blocks } = await firstApplication()
    const project = await newProject()
    const setUp = blocks.find(({ code }) => code.includes('npm init'))?.code ?? ''
    for (const line of setUp.trim().split('\n')) {
      const [program, ...words] = line.split(' ') as [string, ...string[]]
      if (words[0] === 'install') await project.install(words.slice(1))
      else await project.run(program, words)
    }
    for (const { file, code } of blocks) if (file) await project.write(file, code)
    expect(blocks.at(-1)?.code.trim().split('\n')).toEqual(['node provider.js', 'node app.js'])
    await fits(project)
    await logsIn(project, { provider: 'provider.js', app: 'app.js' })
  })

  it('an application that loads the package with require() logs in', { meta: { id: 'applications-1' } }, async () => {
    const { app, provider } = await firstApplication()
    const project = await newProject('commonjs')
    await project.install(['express', 'express-session', 'express-session-oidc'])
    await project.write('app.js', required(app))
    await project.write('provider.js', required(provider))
    await logsIn(project, { provider: 'provider.js', app: 'app.js' })
  })

  it('the production setup of the README, with Redis behind a TLS proxy, logs in', async ({ skip }) => {
    skip(!inject('redisIsReal'), 'skipped: no redis-server on the PATH')
    const { app, provider } = await firstApplication()
    const [install, production] = await readmeBlocks('### In production: Redis, and TLS in front')
    const [, imports, setUp] = /^((?:import .*\n)+)([\s\S]+)$/.exec(production?.code ?? '') as unknown as string[]
    // The session and the code before it come from that section; the rest is the first application.
    const session = /app\.use\(\n {2}session\([\s\S]+?\n\)\n/
    const publicUrl = 'https://localhost'
    const text = replaced(`${imports}${app}`, session, setUp as string)
    const project = await newProject('module')
    const extra = replaced(install?.code.trim() ?? '', 'npm install ', '').split(' ')
    await project.install(['express', 'express-session', 'express-session-oidc', ...extra])
    await project.write('app.js', replaced(text, 'baseUrl: `http://localhost:${port}`', `baseUrl: '${publicUrl}'`))
    await project.write('provider.js', provider)
    await fits(project)
    const env = { REDIS_URL: inject('redisUrl'), SESSION_SECRET: 'a secret of the session' }
    await logsIn(project, { provider: 'provider.js', app: 'app.js' }, env, (url) => ({
      baseUrl: publicUrl,
      proxies: { [publicUrl]: url },
    }))
  })
})
