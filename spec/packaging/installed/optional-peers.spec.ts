/** Applications that have an old connect-redis or redis for something else, or neither of them. */
import { afterEach, describe, expect, it } from 'vitest'
import { Project } from './project.ts'

const program = `import { createClient } from 'redis'
import { RedisSessionStore, redisRecords } from 'express-session-oidc/redis'

const client = createClient()
for (const make of [() => new RedisSessionStore({ client }), () => redisRecords({ client })]) {
  try {
    make()
    console.log('made')
  } catch (error) {
    console.log(\`\${error.name}: \${error.message}\`)
  }
}
`

const oldStore =
  'TypeError: RedisSessionStore does not support the installed connect-redis, which is older than version 9; install'
const oldClient = ': `client` is a client of redis 4; pass a client of redis 5 or later'

describe('the packed package beside optional peers', { timeout: 180_000 }, () => {
  let project: Project
  afterEach(() => project.remove())

  async function madeWith(peers: readonly string[]): Promise<string[]> {
    project = await Project.make('module')
    await project.install(['express', 'express-session', 'express-session-oidc', ...peers])
    await project.write('main.js', program)
    return (await project.run(process.execPath, ['main.js'])).trim().split('\n')
  }

  it.each([
    [['connect-redis@7', 'redis@4'], oldStore, `TypeError: redisRecords${oldClient}`],
    [['connect-redis@8', 'redis@5'], oldStore, 'made'],
  ])(
    'the package installs and loads with %j, and an error names what is too old when it is used',
    async (peers, store, records) => {
      const [first, second, ...others] = await madeWith(peers)
      expect(first).toContain(store)
      expect(second).toBe(records)
      expect(others).toEqual([])
    },
  )

  it('the package loads without optional peers, and its Redis entry reports the missing connect-redis', async () => {
    project = await Project.make('module')
    await project.install(['express', 'express-session', 'express-session-oidc'])
    await project.write(
      'main.js',
      "import { createOidc } from 'express-session-oidc'\nconsole.log(typeof createOidc)\n",
    )
    expect(await project.run(process.execPath, ['main.js'])).toBe('function\n')
    await project.write('redis.js', "import 'express-session-oidc/redis'\n")
    await expect(project.run(process.execPath, ['redis.js'])).rejects.toThrow("Cannot find package 'connect-redis'")
  })
})
