import type { CommandFault } from './client.ts'
import type { Model } from './model.ts'
import { getKey, type Ended, type Op } from './ops.ts'

/** A finished race. */
export interface Case {
  readonly ops: readonly Op[]
  readonly ended: readonly Ended[]
  /** The session that all requests came with. */
  readonly id: string | undefined
  /** The command that failed, if any. */
  readonly fault: CommandFault | undefined
  /** Whether the connection of a refresh was to be cut. */
  readonly isCut: boolean
  /**
   * Logins, by instance and user, whose refresh token the provider consumed without the application getting the next one.
   */
  readonly lost: ReadonlySet<string>
  /** The state before the race. */
  readonly model: Model
}

/** Returns what is wrong with the responses themselves, independent of the order of the requests. */
export function wrongAnswers(given: Case): string[] {
  return given.ended.flatMap((ended, index) => {
    const { op, outcome, answer, made } = ended
    const wrong = (what: string): string => `${JSON.stringify(op)}: ${what}`
    if (outcome === 'fault') {
      if (!isFaulty(given, index) && !(op.kind === 'token' && sharesFault(given, index))) {
        return [wrong('a fault, and none was made')]
      }
      if (answer.retryAfter === undefined) return [wrong('a fault without Retry-After')]
      if (made !== undefined && isOurs(op)) return [wrong('a fault that touches the session cookie')]
    }
    if (op.kind === 'stranger' && (outcome === 'in' || outcome === 'on')) return [wrong('a stranger was let in')]
    if (op.kind === 'guarded' && outcome === 'done') {
      const { sub, owner } = answer.json() as { sub: string; owner: string | null }
      if (owner !== null && owner !== sub) return [wrong(`${sub} has the tokens of ${owner}`)]
      if (owner === null && given.ops.length === 1) return [wrong(`${sub} has no tokens`)]
    }
    const others = given.ended.filter((other) => other !== ended && other.outcome === 'in')
    if (outcome === 'in' && others.some((other) => isSame(other.op, op))) {
      return [wrong('one response was used twice')]
    }
    return []
  })
}

/** Whether a command of this request failed. */
export function isFaulty({ fault }: Case, index: number): boolean {
  return fault?.actor === index
}

/** Whether this request shared a failed refresh: that of its process or, with the provider down, that of any process. */
function sharesFault({ fault, isCut }: Case, index: number): boolean {
  return isCut || (fault !== undefined && index % 2 === fault.actor % 2)
}

/** Whether a handler of the package answers it. */
function isOurs({ kind }: Op): boolean {
  return ['login', 'stranger', 'logout', 'backchannel', 'guarded', 'token'].includes(kind)
}

/** Whether both carry the same authorization response. */
export function isSame(one: Op, other: Op): boolean {
  return one.kind === 'login' && other.kind === 'login' && getKey(one) === getKey(other)
}
