/** An application of the specs, with or without helmet's defaults, with pages to click on. */
import type { Express, RequestHandler } from 'express'
import type { Oidc } from 'express-session-oidc'
import helmet, { type HelmetOptions } from 'helmet'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import type { AppSetup, TestApp } from '../support/app.ts'
import type { Flow } from '../support/flow.ts'
import { getContext } from '../support/app.ts'

/** Starts the application with sessions in the specs' Redis, until the spec ends. */
export function startPages(
  flow: Flow,
  setup: Partial<AppSetup> = {},
  options: HelmetOptions | false = {},
): Promise<TestApp> {
  const before = options ? { before: (app: Express) => void app.use(helmet(options)) } : {}
  return flow.start({ ...before, routes: pages, ...setup })
}

/** `/start` for everyone, `/page/NAME` for users who are logged in, `/admins` for a role. */
export function pages(app: Express, oidc: Oidc): void {
  const page =
    (title: (path: string) => string): RequestHandler =>
    (req, res) => {
      const who = getContext(req).user?.sub ?? 'nobody'
      res.set('Cache-Control', 'no-store')
      res.send(`<!doctype html><html lang="en"><title>${title(req.path)}</title><h1>${title(req.path)}</h1><p>You are ${who}.</p>
        <p><a href="${oidc.paths.login}">Log in</a> <a href="/page/one">One</a> <a href="/admins">Admins</a></p>
        <form method="post" action="${oidc.paths.logout}"><button>Log out</button></form>
        <form method="post" action="/orders"><button>Order</button></form>`)
    }
  app.get(
    '/start',
    page(() => 'Start'),
  )
  app.get('/page/:name', oidc.requireAuth(), page(title))
  app.get('/admins', oidc.requireAuth({ roles: ['admin'] }), page(title))
  app.post(
    '/orders',
    oidc.requireAuth(),
    page(() => 'Ordered'),
  )
}

function title(path: string): string {
  return path.replaceAll('/', ' ').trim()
}

/** Waits until a page of the application shows this user. */
export async function shows(page: Page, name: string, who: string): Promise<void> {
  await page.getByRole('heading', { level: 1, name, exact: true }).waitFor()
  expect(await page.getByText(/^You are /).textContent()).toBe(`You are ${who}.`)
}

/** The response that a script on the page gets. */
export async function fetched(page: Page, path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const text: string = await page.evaluate(
    `fetch(${JSON.stringify(path)}).then(async (response) => JSON.stringify({ status: response.status, body: await response.json() }))`,
  )
  return JSON.parse(text) as { status: number; body: Record<string, unknown> }
}
