import { Lru } from '../core/lru.ts'
import type { BearerAuth } from './bearer-auth.ts'

/** The most tokens, and about the most bytes of memory, that one guard remembers. */
const mostTokens = 10_000
const mostBytes = 32 * 1024 * 1024
/** What a token's claims take as objects, beside its text: seen to be about three times that. */
const bytesPerCharacter = 4

/**
 * A token that is longer is looked up by its end, which is of its signature: to compare all of it takes far less time than
 * to hash it.
 */
const longestKey = 200
const endLength = 43
/** So much of the end says well enough whether a token was seen before, where to be wrong costs next to nothing. */
const traceLength = 12

/** What a token was verified with: once that is not what is at hand, the result may be another. */
export interface VerifiedWith {
  readonly keys: { readonly atHand: unknown }
  readonly lookup: unknown
}

const noKeys: VerifiedWith = { keys: { atHand: undefined }, lookup: undefined }

interface Entry extends VerifiedWith {
  readonly token: string
  readonly auth: BearerAuth
  readonly sinceMs: number
  readonly untilMs: number
}

/**
 * Tokens that were verified, by their exact text. Only what was verified comes in, so that nothing a client makes up
 * takes room; and whole texts are compared, so that none is taken for another.
 */
export class RememberedTokens {
  readonly #entries: Lru<Entry>
  readonly #seen: Lru<true>
  readonly #rememberMs: number

  constructor(
    rememberSeconds: number,
    most: { tokens: number; bytes: number } = { tokens: mostTokens, bytes: mostBytes },
  ) {
    this.#rememberMs = rememberSeconds * 1000
    this.#entries = new Lru(most.tokens, most.bytes)
    this.#seen = new Lru(most.tokens)
  }

  get size(): number {
    return this.#entries.size
  }

  /** What a token says, where it was verified a short while ago with the keys that hold now and has not ended since. */
  get(token: string): BearerAuth | undefined {
    const key = keyOf(token)
    const entry = this.#entries.get(key)
    if (entry?.token !== token) return undefined
    const now = Date.now()
    const { keys, lookup, sinceMs, untilMs, auth } = entry
    // A clock that was set back must not make it last longer.
    if (now < untilMs && now >= sinceMs && keys.atHand === lookup) return auth
    this.#entries.delete(key)
    return undefined
  }

  /**
   * Whether a token that is good was asked after before. To remember one costs a tenth of its verification, and the place
   * of another: clients that have a new token for each request must not push out the tokens of all others.
   */
  wasSeen(token: string): boolean {
    const trace = token.slice(-traceLength)
    if (this.#seen.get(trace)) return true
    this.#seen.set(trace, true)
    return false
  }

  /** Remembers a token that was verified just now; `endsAt` in seconds is the last moment at which it is good. */
  set(token: string, auth: BearerAuth, endsAt: number, by: VerifiedWith): void {
    this.#remember(token, auth, endsAt, this.#rememberMs, by)
  }

  /** Remembers a token that its issuer has answered for, whatever its keys are. */
  setAnswered(token: string, auth: BearerAuth, endsAt: number, seconds: number): void {
    this.#remember(token, auth, endsAt, seconds * 1000, noKeys)
  }

  #remember(token: string, auth: BearerAuth, endsAt: number, rememberMs: number, by: VerifiedWith): void {
    if (rememberMs === 0) return
    const sinceMs = Date.now()
    const untilMs = Math.min(sinceMs + rememberMs, endsAt * 1000)
    const { keys, lookup } = by
    this.#entries.set(keyOf(token), { token, auth, keys, lookup, sinceMs, untilMs }, token.length * bytesPerCharacter)
  }
}

function keyOf(token: string): string {
  return token.length > longestKey ? token.slice(-endLength) : token
}
