/** The README's first application, typed as it is written there, into an empty folder, with the packed package. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createUserAgent } from 'express-session-oidc/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../support/redis-server.ts'

const run = promisify(execFile)
const root = new URL('../..', import.meta.url).pathname
const children: ChildProcess[] = []
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'first-application-'))
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

/** The section's blocks of code in order, each with its language and the file that the line before it names. */
async function blocks(): Promise<{ language: string; file: string | undefined; code: string }[]> {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const section = readme.split('## A first application\n')[1]?.split('\n### ')[0] ?? ''
  return [...section.matchAll(/(?:`(\S+\.js)`:\n\n)?```(\w+)\n([\s\S]*?)```/g)].map(([, file, language, code]) => ({
    language: language as string,
    file,
    code: code as string,
  }))
}

/** Starts a program and waits for its first line. */
async function startProgram(file: string, env: Record<string, string>): Promise<string> {
  const child = spawn(process.execPath, [file], { cwd: folder, env: { ...process.env, ...env } })
  children.push(child)
  let printed = ''
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new Error(`${file} ended: ${printed}`))
    child.once('exit', fail)
    child.stderr.on('data', (data: Buffer) => (printed += data.toString()))
    child.stdout.on('data', (data: Buffer) => {
      printed += data.toString()
      if (!printed.includes('\n')) return
      child.off('exit', fail)
      resolve(printed)
    })
  })
}

it('works as typed, from an empty folder', { timeout: 180_000 }, async () => {
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: root,
  })
  const [packed] = JSON.parse(stdout) as [{ filename: string }]
  const typed = await blocks()
  const setUp = typed.find(({ code }) => code.includes('npm init'))?.code ?? ''
  for (const line of setUp.trim().split('\n')) {
    const [program, ...words] = line.split(' ') as [string, ...string[]]
    const given = words.map((word) => (word === 'express-session-oidc' ? join(folder, packed.filename) : word))
    await run(program, [...given, ...(words[0] === 'install' ? ['--prefer-offline'] : [])], { cwd: folder })
  }
  for (const { file, code } of typed) if (file) await writeFile(join(folder, file), code)
  const programs = typed.at(-1)?.code.trim().split('\n')
  expect(programs).toEqual(['node provider.js', 'node app.js'])

  const [port, providerPort] = [String(await freePort()), String(await freePort())]
  const issuer = `http://127.0.0.1:${providerPort}`
  await startProgram('provider.js', { PROVIDER_PORT: providerPort })
  const address = (await startProgram('app.js', { PORT: port, OIDC_ISSUER: issuer })).trim()
  expect(address).toBe(`http://localhost:${port}`)

  const browser = createUserAgent({ baseUrl: address })
  const home = await browser.get('/')
  const login = await browser.click(home, 'Log in')
  const profile = await browser.submit(login, { button: 'bob' })
  expect(profile.status).toBe(200)
  expect(profile.json()).toMatchObject({ sub: 'bob', iss: issuer })
  expect((await browser.get('/admin')).status).toBe(403)
  expect((await browser.fetch('/profile')).status).toBe(200)
  const greeted = await browser.get('/')
  expect(greeted.text()).toMatch(/Welcome, Bob/)
  const after = await browser.submit(greeted)
  expect(after.url).toMatch(new RegExp(`^${address}/`))
  expect((await browser.get('/')).text()).toContain('Log in')
  expect((await browser.fetch('/profile')).status).toBe(401)
})
