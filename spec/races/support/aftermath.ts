/** What must still hold after concurrent requests are finished. */
import { names, RaceBrowser, seenBy, sessionCookie, type RaceApp } from './app.ts'
import type { RaceProvider } from './provider.ts'
import type { Who } from '../../support/two-instances.ts'

/** A login in progress whose authorization response is ready. */
export interface Response {
  readonly path: string
  /** The cookie of the login. */
  readonly cookie: string
}

/** In milliseconds: after the access token of a refresh expires, and before an idle session does. */
export const laterMs = 301_000

/**
 * Checks that each remaining login still gives out an access token, which takes a refresh. Otherwise its stored refresh
 * token was already used, and the login is lost. That is allowed only for logins in `lost`.
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
      const answer = await new RaceBrowser().go(app, `/token/${name}`, `${sessionCookie}=${seen.get(session)}`)
      if (answer.status === 200 && (answer.json() as { sub: string }).sub === sub) continue
      if ((answer.status === 401 || answer.status === 302) && lost.has(`${name} ${sub}`)) continue
      wrong.push(`the login of ${name} ${sub} is lost: ${answer.status} ${answer.text().slice(0, 200)}`)
    }
  }
  return wrong
}

/** Checks that the browser can log in and out with both instances, without a restart. */
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
