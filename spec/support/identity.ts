import type { OidcOptions } from 'express-session-oidc'
import type { UserAgent } from 'express-session-oidc/testing'
import { deriveSeals, type Seals } from '../../lib/core/seals.ts'
import { deriveOwner } from '../../lib/store/owner.ts'
import { makeCookiePlace, type CookiePlace } from '../../lib/session/login-cookies.ts'

/** What an instance derives from its options: its owner, its keys and its cookies. */
export interface Identity {
  readonly owner: string
  readonly seals: Seals
  readonly place: CookiePlace
  /** The full name of one of its cookies. */
  readonly cookie: (name: string) => string
}

/** The identity of an instance with these options. */
export function makeIdentity(options: Partial<OidcOptions>): Identity {
  const { provider, clientId = '', name = 'default', baseUrl = '', secret = '', responseMode } = options
  const issuer = provider?.issuer ?? options.issuer
  const given = typeof issuer === 'string' ? issuer : (issuer as { issuer: string }).issuer
  const { protocol, pathname } = new URL(baseUrl)
  const owner = deriveOwner({ issuer: given, clientId, name })
  const place = makeCookiePlace(owner, {
    https: protocol === 'https:',
    basePath: pathname.replace(/\/$/, ''),
    crossSite: responseMode === 'form_post',
  })
  const seals = deriveSeals({ secrets: [secret].flat(), owner })
  return { owner, seals, place, cookie: (cookie) => place.prefix + cookie }
}

/** The names of the package's cookies in a browser, of any instance, that end with `end`. */
export function cookiesNamed({ jar }: Pick<UserAgent, 'jar'>, end: string): string[] {
  const names = jar.cookies().map(({ name }) => name)
  return names.filter((name) => /^(?:__Host-)?oidc\.[\w-]{8}\.[^.]+$/.test(name) && name.endsWith(`.${end}`))
}

/** Deletes the count of finished logins, because many logins within a minute would be taken for a loop. */
export function forgetFinished(agent: Pick<UserAgent, 'jar'>): void {
  for (const name of cookiesNamed(agent, 'finished')) agent.jar.delete(name)
}
