import type { Seals } from '../core/seals.ts'

/** Contents of the parameter `state` (OIDC Core, section 3.1.2.1), which only this instance can read and write. */
export interface State {
  /** Id of the login: 128 random bits. */
  readonly id: string
  /** When the login began: seconds since the epoch, with milliseconds. */
  readonly startedAt: number
  /** Number of restarts of this login, 0 to 3. `state` holds it, because it must survive a browser that returns no cookies. */
  readonly attempt: number
  /** Whether the login is a silent one, which the user did not request. */
  readonly isSilent: boolean
  /** Whether a route or a call has requested more than a plain login: any scope or parameter. */
  readonly asksMore: boolean
  /** Short hash of the secret in the login's cookie. */
  readonly cookie: string
  /** Short hash of the browser's mark; undefined if the browser had none. */
  readonly mark: string | undefined
  /** Page that the login returns to, or as much of it as fits; empty for the start page. */
  readonly page: string
  /** Requested scope; undefined for that of the instance. */
  readonly scope: readonly string[] | undefined
  /** The parameters of the authorization request that the callback checks. */
  readonly checked: Readonly<Record<string, string>>
  /** Whether the cookie with details has the whole page. */
  readonly isPageShort: boolean
  /** Whether scope and checked parameters are only in the cookie with details, because they do not fit. */
  readonly needsDetails: boolean
}

/** A `state` that was opened, with the index of the secret that sealed it. */
export interface OpenedState extends State {
  readonly secret: number
}

/**
 * Maximum number of characters of a `state`. Providers, brokers and gateways limit URLs, and a provider may pass the `state`
 * on to another one inside its own.
 */
export const longestState = 500

const bits = { silent: 4, more: 8, shortPage: 16, details: 32 }
const attempts = 3

/** Writes a `state`. It is sealed, because its page may contain data that the provider must not see. */
export function writeState({ state: sealer }: Pick<Seals, 'state'>, state: State): string {
  const flags =
    state.attempt |
    (state.isSilent ? bits.silent : 0) |
    (state.asksMore ? bits.more : 0) |
    (state.isPageShort ? bits.shortPage : 0) |
    (state.needsDetails ? bits.details : 0)
  const time = Math.round(state.startedAt * 1000)
  const { id, cookie, mark = 0, page, scope, checked } = state
  // An array, because names of members would take the room of the page.
  return sealer.seal(JSON.stringify([id, time, flags, cookie, mark, page, scope?.join(' ') ?? 0, checked]), '')
}

/** Reads a `state`; undefined if this instance did not write it. */
export function readState({ state: sealer }: Pick<Seals, 'state'>, text: string): OpenedState | undefined {
  if (text.length > longestState) return undefined
  const opened = sealer.openWithSecret(text, '')
  if (!opened) return undefined
  const [id, time, flags, cookie, mark, page, scope, checked] = JSON.parse(opened.text) as Written
  return {
    id,
    startedAt: time / 1000,
    attempt: flags & attempts,
    isSilent: (flags & bits.silent) !== 0,
    asksMore: (flags & bits.more) !== 0,
    cookie,
    mark: mark === 0 ? undefined : mark,
    page,
    scope: scope === 0 ? undefined : scope.split(' '),
    checked,
    isPageShort: (flags & bits.shortPage) !== 0,
    needsDetails: (flags & bits.details) !== 0,
    secret: opened.secret,
  }
}

type Written = [
  id: string,
  time: number,
  flags: number,
  cookie: string,
  mark: string | 0,
  page: string,
  scope: string | 0,
  checked: Record<string, string>,
]

/** Writes the first of several versions of a `state` that is short enough, or else the last. Returns it with its version. */
export function writeFittingState(
  seals: Pick<Seals, 'state'>,
  versions: readonly State[],
): { readonly text: string; readonly state: State } {
  for (const state of versions) {
    const text = writeState(seals, state)
    if (text.length <= longestState || state === versions.at(-1)) return { text, state }
  }
  throw new RangeError('no version of a state')
}
