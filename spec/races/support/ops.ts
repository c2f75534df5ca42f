/** The concurrent requests of a scene, their session, and their outcomes. */
import type { Stall } from './actors.ts'
import { getId, getSessionCookie, type Name } from './app.ts'
import type { CommandFault } from './client.ts'
import type { RaceAnswer } from './http.ts'
import type { RefreshCut } from './refresh-tokens.ts'

/** The session before the scene, described by its logins. */
export const formers = {
  'no session': [],
  'a visitor': [],
  alice: [['default', 'alice']],
  dora: [['partner', 'dora']],
  'alice and dora': [
    ['default', 'alice'],
    ['partner', 'dora'],
  ],
} as const satisfies Record<string, readonly (readonly [Name, string])[]>
export type Former = keyof typeof formers

/** One of the concurrent requests, all with the same session cookie. */
export type Op =
  /** An authorization response is delivered, by its own browser or by one without cookies. */
  | ({ readonly kind: 'login' | 'stranger' } & Begun)
  | { readonly kind: 'logout' | 'guarded' | 'token'; readonly name: Name }
  | Told
  | { readonly kind: 'put' | 'save' | 'regenerate' | 'destroy' | 'who' }
  /** No request: all refresh locks disappear, as when Redis evicts keys because memory is full. */
  | { readonly kind: 'evict' }

/**
 * A back-channel logout of the provider: of all the user's sessions, or of one session at the provider. It is late if the
 * provider ended the session before any of the logins. Two equal ones are one logout token that is delivered twice.
 */
export interface Told {
  readonly kind: 'backchannel'
  readonly name: Name
  readonly sub: string
  readonly session: 0 | 1 | undefined
  readonly isLate: boolean
}

/** A login in progress. A user may have two. */
export interface Begun {
  readonly name: Name
  readonly sub: string
  readonly copy: 0 | 1
}

export const users: readonly (readonly [Name, string])[] = [
  ['default', 'alice'],
  ['default', 'bob'],
  ['partner', 'dora'],
  ['partner', 'erik'],
]

/** A session at the provider. All earlier logins belong to session 0, and so does one of the logins in progress. */
export function getSid({ name, sub }: { name: Name; sub: string }, session: 0 | 1): string {
  return `${name} ${sub} ${session}`
}

/** Identifies a login in progress. */
export function getKey({ name, sub, copy }: { name: Name; sub: string; copy: number }): string {
  return `${name} ${sub} ${copy}`
}

export interface Scene {
  readonly former: Former
  readonly ops: readonly Op[]
  readonly stalls?: readonly Stall[]
  readonly fault?: CommandFault | undefined
  readonly cut?: RefreshCut | undefined
}

/** How a request ended. */
export interface Ended {
  readonly op: Op
  readonly answer: RaceAnswer
  readonly outcome: 'in' | 'on' | 'anew' | 'done' | 'nobody' | 'refused' | 'fault'
  /** The id of the session that it created. */
  readonly made: string | undefined
}

export interface Played {
  readonly log: readonly string[]
  readonly ended: readonly Ended[]
  /** What is wrong; empty if nothing is. */
  readonly wrong: readonly string[]
}

/** Derives the outcome of a request from its response. */
export function getEnd(op: Op, answer: RaceAnswer): Ended {
  const value = getSessionCookie(answer)
  const made = value === undefined ? undefined : getId(value)
  return { op, answer, made, outcome: getOutcome(op, answer, made) }
}

/** The outcome of an operation that is no request. */
export function endOfNoRequest(op: Op): Ended {
  const answer = { status: 200, location: undefined, setCookie: [], retryAfter: undefined }
  return { op, answer: { ...answer, text: () => '', json: () => undefined }, outcome: 'done', made: undefined }
}

function getOutcome(op: Op, { status, location = '' }: RaceAnswer, made: string | undefined): Ended['outcome'] {
  if (status === 503) return 'fault'
  if (op.kind === 'login' || op.kind === 'stranger') {
    if (status === 303) return made === undefined ? 'on' : 'in'
    if (status === 302 && location.includes('/authorize?')) return 'anew'
    if (status === 400) return 'refused'
  } else if (op.kind === 'guarded' || op.kind === 'token') {
    if (status === 200) return 'done'
    if (op.kind === 'token' && status === 401) return 'nobody'
    if (status === 302 && location.includes('/authorize?')) return 'nobody'
  } else if (op.kind === 'backchannel' && status === 400) return 'refused'
  else if (status === (op.kind === 'logout' ? 303 : 200)) return 'done'
  throw new Error(`${JSON.stringify(op)} was answered ${status} ${location}`)
}
