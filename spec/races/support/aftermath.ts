/** What must still be so once requests that ran at once are over. */
import { names, RaceBrowser, seenBy, type RaceApp } from './app.ts'
import type { RaceProvider } from './provider.ts'
import type { Who } from '../../support/two-instances.ts'

/** A login that has got as far as its response. */
export interface Response {
  readonly path: string
  /** The cookie of its transaction. */
  readonly cookie: string
}

/** So much later, in milliseconds: later than the access tokens of a refresh end, and sooner than a session without requests does. */
export const laterMs = 301_000

/**
 * Each login that is left gives out an access token, for which it has to be refreshed: else what is kept of
 * it was spent, and it is lost. Those may be of which an answer was.
 */
export async function stillRefreshed(
  app: RaceApp,
  views: ReadonlyMap<string, Who>,
  { seen }: RaceBrowser,
  lost: ReadonlySet<string>,
): Promise<string[]> {
  const wrong: string[] = []
  for (const [session, who] of views) {
    for (const name of names) {
      const sub = who[name]
      if (sub === null) continue
      const answer = await new RaceBrowser().go(app, `/token/${name}`, `connect.sid=${seen.get(session)}`)
      if (answer.status === 200 && (answer.json() as { sub: string }).sub === sub) continue
      if ((answer.status === 401 || answer.status === 302) && lost.has(`${name} ${sub}`)) continue
      wrong.push(`the login of ${name} ${sub} is lost: ${answer.status} ${answer.text().slice(0, 200)}`)
    }
  }
  return wrong
}

/** With no restart the browser can log in with both instances, and out again. */
export async function heals(app: RaceApp, provider: RaceProvider, browser: RaceBrowser): Promise<string[]> {
  const wrong: string[] = []
  for (const name of names) {
    const sub = name === 'default' ? 'alice' : 'dora'
    const { location } = await browser.go(app, name === 'default' ? '/login' : `/${name}/login`)
    const back = await browser.go(app, provider.authorize(location ?? '', sub))
    const { status } = await browser.go(app, `/guarded/${name}`)
    if (back.status !== 303 || status !== 200) wrong.push(`cannot log in again with ${name}: ${back.status}, ${status}`)
  }
  for (const name of names) {
    const { status } = await browser.go(app, name === 'default' ? '/logout' : `/${name}/logout`)
    if (status !== 303) wrong.push(`cannot log out of ${name}: ${status}`)
  }
  for (const [session, value] of browser.seen) {
    const { default: one, partner } = await seenBy(app, value)
    if (browser.session === session && (one ?? partner)) wrong.push('logged in after both logouts')
  }
  return wrong
}
