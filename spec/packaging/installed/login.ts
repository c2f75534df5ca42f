import type { UserAgentOptions } from 'express-session-oidc/testing'
import type * as testing from 'express-session-oidc/testing'
import { expect } from 'vitest'
import { reservePort } from '../../support/ports.ts'
import type { Project } from './project.ts'

export interface Programs {
  readonly provider: string
  readonly app: string
}

/**
 * Starts the README's provider and application in a project, and uses them as Bob with the package's own user agent: a
 * login, a page, a role that he lacks, and a logout.
 */
export async function logsIn(
  project: Project,
  programs: Programs,
  env: Record<string, string> = {},
  options: (url: string) => Partial<UserAgentOptions> = () => ({}),
): Promise<void> {
  const [port, providerPort] = [String(await reservePort()), String(await reservePort())]
  const issuer = `http://127.0.0.1:${providerPort}`
  await project.start(programs.provider, { PROVIDER_PORT: providerPort })
  const url = await project.start(programs.app, { PORT: port, OIDC_ISSUER: issuer, ...env })
  expect(url).toBe(`http://localhost:${port}`)

  const { createUserAgent } = await project.load<typeof testing>('express-session-oidc/testing')
  const browser = createUserAgent({ baseUrl: url, ...options(url) })
  const home = await browser.get('/')
  const login = await browser.click(home, 'Log in')
  const profile = await browser.submit(login, { button: 'bob' })
  expect(profile.status, profile.text()).toBe(200)
  expect(profile.json()).toMatchObject({ sub: 'bob', iss: issuer })
  expect((await browser.get('/admin')).status).toBe(403)
  expect((await browser.fetch('/profile')).status).toBe(200)
  const greeted = await browser.get('/')
  expect(greeted.text()).toMatch(/Welcome, Bob/)
  const after = await browser.submit(greeted)
  expect(after.status).toBe(200)
  expect((await browser.get('/')).text()).toContain('Log in')
  expect((await browser.fetch('/profile')).status).toBe(401)
}
