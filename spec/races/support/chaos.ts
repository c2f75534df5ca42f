/** Rounds of failures for the successive logins of one user, and what must hold in them. */
import { setTimeout as pause } from 'node:timers/promises'
import { createUserAgent, type UserAgent } from 'express-session-oidc/testing'
import { forgetFinished } from '../../support/identity.ts'
import { sessionId } from '../../support/session-cookie.ts'
import { origin } from './app.ts'
import type { Reply } from './crew.ts'
import type { Journal } from './journal.ts'
import type { RefreshNote } from './own-provider.ts'
import { readSubject } from './subject.ts'
import type { ChaosWorld, Trouble } from './troubles.ts'

/** Concurrent callers at each process. */
const callers = 3
/** How long recovery may take: much longer than a lock, a failure note and a process start together. */
const healMs = 120_000

/** A user whose browser stays logged in, or logs in again. */
export class ChaosLane {
  /** Violations found. */
  readonly wrong: string[] = []
  /** Number of lost logins. */
  lost = 0
  readonly #world: ChaosWorld
  readonly #journal: Journal
  readonly #sub: string
  readonly #agent: UserAgent
  /** Number of refreshes that the provider had noted when the login began. */
  #before = 0
  #round = ''

  constructor(world: ChaosWorld, journal: Journal, sub: string) {
    this.#world = world
    this.#journal = journal
    this.#sub = sub
    const proxies = {
      get [origin]() {
        return world.crew.url(world.chance)
      },
    }
    this.#agent = createUserAgent({ baseUrl: origin, proxies })
  }

  /** One round: callers at all processes and one failure, after which everything must recover. */
  async round(number: number, trouble: Trouble): Promise<void> {
    this.#round = `round ${number}, ${trouble.what}, ${this.#sub}`
    while (this.wrong.length === 0 && !(await this.#meets(trouble))) await this.heals()
    await this.heals()
  }

  /** Waits until all processes return the same token. If a response says that nobody is logged in, logs in again. */
  async heals(): Promise<void> {
    for (let end = Date.now() + healMs; this.wrong.length === 0;) {
      const replies = this.#check(await Promise.all(this.#world.crew.ask(this.#cookie)))
      if (replies.some(isNobody)) {
        await this.#comesBack()
        end = Date.now() + healMs
        continue
      }
      const tokens = new Set(replies.map((reply) => (reply === 'cut' ? undefined : reply.shown.token)))
      if (tokens.size === 1 && !tokens.has(undefined)) return
      if (Date.now() > end) {
        this.#isWrong(`does not recover: ${JSON.stringify(replies)}`)
        return
      }
      await pause(400)
    }
  }

  async logIn(): Promise<void> {
    await this.#logsIn(`/as/${this.#sub}`)
  }

  /** Everything that the provider noted about this user. */
  notes(): Promise<RefreshNote[]> {
    return this.#world.provider.notes(this.#sub)
  }

  /**
   * Sends requests while the failure strikes. Returns whether the failure met the refresh that it was meant for; a user who
   * is logged out sends none.
   */
  async #meets({ fault = {}, asksOne, strikes }: Trouble): Promise<boolean> {
    const { crew, provider } = this.#world
    const armed = await provider.arm(this.#sub, fault)
    const replies: Promise<Reply>[] = []
    let note: RefreshNote | undefined
    do {
      const requested = asksOne ? [crew.askOne(this.#cookie, this.#world.chance)] : crew.ask(this.#cookie, callers)
      replies.push(...requested)
      note = await Promise.race([armed.met, Promise.all(requested).then(() => pause(200, undefined))])
      if (note === undefined && (await Promise.all(requested)).some(isNobody)) break
    } while (!note)
    if (note) await strikes(this.#world, { note, armed, session: sessionId(this.#agent) })
    await armed.release()
    this.#check(await Promise.all(replies))
    return note !== undefined
  }

  /** Checks each reply. That a login is lost only with the response to its refresh is checked in `#comesBack`. */
  #check(replies: readonly Reply[]): readonly Reply[] {
    for (const reply of replies) {
      if (reply === 'cut' || reply.status === 503 || isNobody(reply)) continue
      const { status, shown } = reply
      if (status !== 200) this.#isWrong(`was answered ${status} ${JSON.stringify(shown)}`)
      else if (readSubject(shown.token ?? '') !== this.#sub)
        this.#isWrong(`got the token of ${readSubject(shown.token ?? '')}`)
    }
    return replies
  }

  /** The login is lost in all processes; one new login must be enough. */
  async #comesBack(): Promise<void> {
    this.lost++
    const notes = (await this.notes()).slice(this.#before)
    if (this.#journal.lost(notes).length === 0) {
      this.#isWrong(`is logged out, and no response was lost: ${JSON.stringify(notes.slice(-4))}`)
    }
    await this.#logsIn('/profile')
  }

  /** Logs in while no failure strikes; it must take exactly one login. */
  async #logsIn(path: string): Promise<void> {
    const { crew, calm } = this.#world
    const end = Date.now() + healMs
    // A process that has lost Redis reconnects some time later.
    while (!((await crew.canServe(this.#cookie)) && (await calm.together(() => this.#oneLogin(path))))) {
      if (Date.now() > end) return this.#isWrong('is logged out in one process but not in another, or not served')
      await pause(100)
    }
  }

  async #oneLogin(path: string): Promise<boolean> {
    const { crew } = this.#world
    if (!(await crew.canServe(this.#cookie))) return false
    this.#before = (await this.notes()).length
    const logins = this.#journal.logins(this.#sub)
    let page = await this.#agent.get(path)
    for (const end = Date.now() + healMs; page.status === 503 && Date.now() < end;) {
      await pause(100)
      page = await this.#agent.get(path)
    }
    const again = await this.#agent.get('/profile')
    const taken = this.#journal.logins(this.#sub) - logins
    forgetFinished(this.#agent)
    if (page.status !== 200 || again.hops.length !== 1 || taken !== 1) {
      this.#isWrong(`logged in ${taken} times: ${page.status}, then ${again.hops.length} hops`)
    }
    return true
  }

  get #cookie(): string {
    return this.#agent.jar.get('connect.sid')?.value ?? ''
  }

  #isWrong(what: string): void {
    this.wrong.push(`${this.#round}: ${what}`)
  }
}

function isNobody(reply: Reply): boolean {
  return reply !== 'cut' && reply.status === 401 && reply.shown.code === 'login_required'
}
