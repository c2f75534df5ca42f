import { randomUUID } from 'node:crypto'
import { isAtWork, runningActor, type Actor } from './actors.ts'

/**
 * A refresh whose connection is cut, either before the provider gets the request or before the client gets the response.
 */
export interface RefreshCut {
  /** The actor whose refresh is cut. Undefined if no actors run: the next refresh. */
  readonly actor: number | undefined
  readonly before: 'request' | 'answer'
}

/** A user's grant to a client. All refresh tokens of one login belong to one family. */
interface Family {
  readonly clientId: string
  readonly sub: string
  /** The token issued for the code; it exists in every run. */
  readonly first: string
}

/** A refresh token that was used. */
interface Spent {
  readonly actor: Actor | undefined
  readonly isCut: boolean
}

/** The refresh tokens of a provider. Each can be used once; its reuse revokes the family (RFC 9700 4.14.2). */
export class RefreshTokens {
  /** Logins, by client and user, for which the provider rotated a refresh token and no client got the new one. */
  readonly lost = new Set<string>()
  /** Violations: refresh tokens that were reused although their refresh was answered. */
  readonly wrong: string[] = []
  /** Number of refresh tokens presented in all runs. */
  presented = 0
  /** Actors that were at work when the locks disappeared. Until they finish, another actor may send the same token. */
  unlocked: ReadonlySet<Actor> = new Set()
  readonly #families = new Map<string, Family>()
  readonly #spent = new Map<string, Spent>()
  readonly #revoked = new Set<Family>()
  #cut: RefreshCut | undefined

  /** Cuts the first refresh that matches. */
  cut(cut: RefreshCut | undefined): void {
    this.#cut = cut
  }

  /** Forgets what has happened, except the first token of each login. */
  restart(): void {
    this.#cut = undefined
    this.unlocked = new Set()
    this.wrong.length = 0
    for (const memory of [this.lost, this.#spent, this.#revoked]) memory.clear()
    for (const [token, { first }] of this.#families) if (token !== first) this.#families.delete(token)
  }

  /** Issues the first refresh token of a login. */
  issue(clientId: string, sub: string): { family: Family; token: string } {
    const token = randomUUID()
    const family = { clientId, sub, first: token }
    this.#families.set(token, family)
    return { family, token }
  }

  /** Exchanges a refresh token for the next one. `cut`: the sender does not get the response. */
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
      else if (!spent.isCut)
        this.wrong.push(`the refresh token of ${login} was reused, although its refresh was answered`)
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
