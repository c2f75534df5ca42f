/** What is published: its exports resolve, with types, for modules and by require(), and nothing else is in it. */
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }

const run = promisify(execFile)
const root = new URL('../..', import.meta.url).pathname

describe('the package', { timeout: 120_000 }, () => {
  it('is what publint expects', async () => {
    const { messages } = await publint({ pkgDir: root, level: 'warning', pack: 'npm' })
    expect(messages).toEqual([])
  })

  it('has types that resolve for every way to import it', async () => {
    // It leaves with an error where it finds a problem.
    const { stdout } = await run('npx', ['attw', '--pack', root, '--profile', 'esm-only', '--format', 'ascii'], {
      cwd: root,
    })
    for (const path of Object.keys(manifest.exports)) expect(stdout).toContain(path.replace('.', manifest.name))
  })

  it('holds the build, the documents and nothing else', async () => {
    const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--dry-run', '--json'], { cwd: root })
    const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }]
    const others = files
      .map(({ path }) => path)
      .filter((path) => !/^(dist\/.*\.(js|d\.ts)|docs\/[\w-]+\.md|[A-Z]+\.md|LICENSE|package\.json)$/.test(path))
    expect(others).toEqual([])
  })

  it('can be loaded by require() and by import', async () => {
    const require = createRequire(import.meta.url)
    for (const path of Object.keys(manifest.exports)) {
      const name = path.replace('.', manifest.name)
      const { stdout } = await run(process.execPath, ['-p', `Object.keys(require('${name}')).length > 0`], {
        cwd: root,
      })
      expect(stdout.trim(), name).toBe('true')
      if (path !== './package.json')
        expect(Object.keys((await import(require.resolve(name))) as object)).not.toEqual([])
    }
  })

  it('asks users to install nothing but openid-client and jose', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(['jose', 'openid-client'])
  })
})
