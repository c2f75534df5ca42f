/** Logins in progress that a test makes itself, and the content of those that an application has begun. */
import { makeDetailsCookie, type LoginDetails } from '../../lib/session/details-cookie.ts'
import { createLoginId, openLogin, type LoginInProgress } from '../../lib/session/login-in-progress.ts'
import { deriveLoginSecrets } from '../../lib/session/login-secrets.ts'
import { createProgressCookie, hashSecret, writeProgressCookie } from '../../lib/session/progress-cookie.ts'
import { longestState, readState, writeState, type State } from '../../lib/session/state.ts'
import type { Identity } from './identity.ts'

/** A login in progress: its `state`, the cookies that its browser has, and what is derived from them. */
export interface PlantedLogin {
  readonly id: string
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  /** Name and value of each of its cookies. */
  readonly cookies: ReadonlyMap<string, string>
}

/** What a planted login differs in from a plain one. */
export interface PlantedParts extends Partial<State> {
  readonly details?: LoginDetails
}

/** Makes a login in progress of an instance. With the keys of another instance, it is one that this instance must reject. */
export function plantLogin(
  { seals, place }: Pick<Identity, 'seals' | 'place'>,
  parts: PlantedParts = {},
): PlantedLogin {
  const { details, id = createLoginId(), ...changes } = parts
  const cookie = createProgressCookie(place, id, [])
  const state = writeState(seals, {
    id,
    startedAt: Date.now() / 1000,
    attempt: 0,
    isSilent: false,
    asksMore: false,
    cookie: hashSecret(cookie),
    mark: undefined,
    page: '',
    scope: undefined,
    checked: {},
    isPageShort: false,
    needsDetails: false,
    ...changes,
  })
  const { nonce, verifier } = deriveLoginSecrets(seals, { id, secret: 0, hasDpop: false }, cookie)
  const written = writeProgressCookie(place, cookie)
  const more = details ? [makeDetailsCookie(seals.details, place, id, details)] : []
  const cookies = new Map([written, ...more].map(({ name, value }) => [name, value ?? '']))
  return { id, state, nonce, verifier, cookies }
}

/** Makes a login in progress that returns to a page: in its `state`, or in its details if the page is too long for that. */
export function plantLoginTo(
  identity: Pick<Identity, 'seals' | 'place'>,
  page: string,
  parts: PlantedParts = {},
): PlantedLogin {
  const planted = plantLogin(identity, { ...parts, page })
  if (planted.state.length <= longestState) return planted
  return plantLogin(identity, { ...parts, isPageShort: true, details: { ...parts.details, page } })
}

/** The value of a `Cookie` header. */
export function formatCookies(cookies: ReadonlyMap<string, string>): string {
  return Array.from(cookies, ([name, value]) => `${name}=${value}`).join('; ')
}

/** The name and value of each cookie that `Set-Cookie` lines set. */
export function readSetCookies(lines: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    lines.flatMap((line): [string, string][] => {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      return value === '' ? [] : [[name, value]]
    }),
  )
}

/**
 * Opens the login that a `state` names, with the cookies of its browser. Fails if this instance did not write that `state`,
 * or if its cookie is missing.
 */
export function openPlanted(
  { seals, place }: Pick<Identity, 'seals' | 'place'>,
  state: string | null | undefined,
  cookies: ReadonlyMap<string, string>,
  options: { readonly dpop?: boolean; readonly basePath?: string } = {},
): LoginInProgress {
  const opened = readState({ state: seals.state }, state ?? '')
  if (!opened) throw new Error('the state is not one of this instance')
  const shown = openLogin(
    { seals, cookiePlace: place, options: { scope: [], resource: [], dpop: false, basePath: '', ...options } },
    cookies,
    opened,
  )
  if (!shown) throw new Error('the cookies are not those of this login')
  return shown.login
}
