/** The build can be loaded in every way. For the published files and their installation see installed/. */
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }

const run = promisify(execFile)
const root = new URL('../..', import.meta.url).pathname

describe('the package', { timeout: 60_000 }, () => {
  it('the package can be loaded with require() and with import', { meta: { id: 'package-1' } }, async () => {
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

  it('the manifest names one repository in all its links', () => {
    const { homepage, bugs, repository } = manifest
    const urls = [homepage, bugs.url, repository.url]
    const [address] = homepage.split('#')
    expect(urls).toEqual([`${address}#readme`, `${address}/issues`, `git+${address}.git`])
    expect(address).toMatch(new RegExp(`^https://github\\.com/[\\w-]+/${manifest.name}$`))
  })

  it('the package can be installed beside any version of the optional peers', () => {
    const { peerDependencies: peers, peerDependenciesMeta } = manifest
    const optional = Object.keys(peerDependenciesMeta) as (keyof typeof peerDependenciesMeta)[]
    expect(optional.map((name) => [name, peers[name]])).toEqual([
      ['connect-redis', '*'],
      ['redis', '*'],
    ])
  })
})
