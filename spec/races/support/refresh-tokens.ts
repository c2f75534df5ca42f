import { randomUUID } from 'node:crypto'
import { isAtWork, runningActor, type Actor } from './actors.ts'

/** A refresh whose connection is cut: before the provider has the request, or before anybody has the answer. */
export interface RefreshCut {
  /** Whose; undefined where none runs: the next. */
  readonly actor: number | undefined
  readonly before: 'request' | 'answer'
}

/** What a user allowed a client: all refresh tokens of one login are of one family. */
interface Family {
  readonly clientId: string
  readonly sub: string
  /** Whether it came of a code: then it is there in every run. */
  readonly first: string
}

/** A refresh token that was spent. */
interface Spent {
  readonly actor: Actor | undefined
  readonly isCut: boolean
}

/** The refresh tokens of a provider: each is good once, and if it comes again its family is dead (RFC 9700 4.14.2). */
export class RefreshTokens {
  /** Logins, by client and user, of which the provider has spent a refresh token that nobody has the next one for. */
  readonly lost = new Set<string>()
  /** What must not be: refresh tokens that came again though they were answered. */
  readonly wrong: string[] = []
  /** How many came, in all runs. */
  presented = 0
  /** Those who were at work when the locks went: while they are, another may send the same token. */
  unlocked: ReadonlySet<Actor> = new Set()
  readonly #families = new Map<string, Family>()
  readonly #spent = new Map<string, Spent>()
  readonly #revoked = new Set<Family>()
  #cut: RefreshCut | undefined

  /** Cuts a refresh, the first that this is said of. */
  cut(cut: RefreshCut | undefined): void {
    this.#cut = cut
  }

  /** Forgets what has happened, but not the first token of each login. */
  restart(): void {
    this.#cut = undefined
    this.unlocked = new Set()
    this.wrong.length = 0
    for (const memory of [this.lost, this.#spent, this.#revoked]) memory.clear()
    for (const [token, { first }] of this.#families) if (token !== first) this.#families.delete(token)
  }

  /** The first of a login. */
  issue(clientId: string, sub: string): { family: Family; token: string } {
    const token = randomUUID()
    const family = { clientId, sub, first: token }
    this.#families.set(token, family)
    return { family, token }
  }

  /** One comes for another; `cut`: whoever sent it does not learn what came of it. */
  present(token: string): { next?: { family: Family; token: string }; cut: boolean } {
    this.presented++
    const actor = runningActor()
    const cut = this.#cut && this.#cut.actor === actor?.index ? this.#cut.before : undefined
    if (cut) this.#cut = undefined
    if (cut === 'request') return { cut: true }
    const isCut = cut === 'answer'
    const family = this.#families.get(token)
    if (!family || this.#revoked.has(family)) return { cut: isCut }
    const login = `${family.clientId} ${family.sub}`
    const spent = this.#spent.get(token)
    if (spent) {
      this.#revoked.add(family)
      const isUnlocked = (one: Actor | undefined): boolean => one !== undefined && this.unlocked.has(one)
      const isMeanwhile = isUnlocked(actor) || (isUnlocked(spent.actor) && isAtWork(spent.actor as Actor))
      if (isMeanwhile) this.lost.add(login)
      else if (!spent.isCut) this.wrong.push(`the refresh token of ${login} came again, though it was answered`)
      return { cut: isCut }
    }
    this.#spent.set(token, { actor, isCut })
    if (isCut) this.lost.add(login)
    const next = randomUUID()
    this.#families.set(next, family)
    return { next: { family, token: next }, cut: isCut }
  }

  revoke(token: string): void {
    const family = this.#families.get(token)
    if (family) this.#revoked.add(family)
  }
}
