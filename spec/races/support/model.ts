/**
 * The sessions of an application and their logins, as docs/architecture.md describes them, without any of the machinery: no
 * requests, no records, no compare-and-set. Every operation is atomic.
 */
import { idleSeconds, maxLoginSeconds, names, type Name } from './app.ts'
import type { Who } from '../../support/two-instances.ts'

export interface ModelLogin {
  readonly sub: string
  /** The session at the provider, if the provider names one. */
  readonly sid?: string | undefined
  /** The session that it created. No two logins create the same one. */
  readonly by: string
  readonly endsAt: number
}

/** A login as a logout saw it. */
export interface SeenLogin {
  /** The session that it created. */
  readonly by: string | undefined
  /** The login, if it was in the session itself and not taken over by another session. */
  readonly own: ModelLogin | undefined
}

/** A user, and a session at the provider. */
export type ProviderSession = Pick<ModelLogin, 'sub' | 'sid'>

export interface ModelSession {
  readonly logins: Readonly<Partial<Record<Name, ModelLogin>>>
  /** Whether it ever had logins: then the session ends with the last one. */
  readonly hadLogins: boolean
  /** Possible values that the application keeps in it. Concurrent requests may see any of them. */
  readonly cart: readonly (string | null)[]
  /** When the session ends without a further request. */
  readonly idleUntil: number
}

/** A moved session leads to its successor for at least this time, and for as long as its logins last. */
const movedSeconds = 600
/** The maximum number of moves that a request follows. */
const mostMoves = 3

/** Where the logins of a replaced session went, and which logins. */
interface Moved {
  readonly to: string
  readonly logins: Readonly<Partial<Record<Name, string>>>
  readonly until: number
}

/** What a login may find of its former session's data while other requests run. */
export interface Slack {
  /** Every value that the former session may have had. */
  readonly carts: readonly string[]
  /** The session before any of the requests. */
  readonly before: ModelSession
  /** Whether another request changes who is logged in: then data that might have stayed may be lost. */
  readonly isContended: boolean
}

export class Model {
  /** Seconds since the epoch. */
  readonly now: () => number
  #sessions: Map<string, ModelSession>
  #moved: Map<string, Moved>
  /** When users and sessions at the provider were last logged out. Logins in progress that began earlier cannot finish. */
  #loggedOut: Map<string, number>

  constructor(now: () => number) {
    this.now = now
    this.#sessions = new Map()
    this.#moved = new Map()
    this.#loggedOut = new Map()
  }

  copy(): Model {
    const copy = new Model(this.now)
    copy.#sessions = new Map(this.#sessions)
    copy.#moved = new Map(this.#moved)
    copy.#loggedOut = new Map(this.#loggedOut)
    return copy
  }

  /** The session with this id and its live logins; undefined if it does not exist or has ended. */
  session(id: string | undefined): ModelSession | undefined {
    const session = this.#sessions.get(id ?? '')
    if (!session || session.idleUntil <= this.now()) return undefined
    const logins = Object.fromEntries(Object.entries(session.logins).filter(([, { endsAt }]) => endsAt > this.now()))
    if (session.hadLogins && Object.keys(logins).length === 0) return undefined
    return { ...session, logins }
  }

  /** Whether a session has a login that finished since another one began. */
  isLoggedInSince(id: string | undefined, name: Name, begunAt: number): boolean {
    const login = this.session(id)?.logins[name]
    return login !== undefined && Math.floor(login.endsAt - maxLoginSeconds) >= Math.floor(begunAt)
  }

  /** Where the logins of a replaced session went. */
  successor(id: string | undefined): string | undefined {
    return this.#wentFrom(id)?.to
  }

  /** Whether a browser with that session sees this. */
  shows(id: string | undefined, { cart, ...logins }: Who): boolean {
    const session = this.session(id)
    if (!(session?.cart ?? [null]).includes(cart)) return false
    return names.every((name) => (session?.logins[name]?.sub ?? null) === logins[name])
  }

  /** A description for messages. */
  describe(id: string | undefined): string {
    const session = this.session(id)
    if (!session) return this.successor(id) === undefined ? 'nothing' : 'nothing, its logins moved'
    const logins = names.map((name) => `${name} ${session.logins[name]?.sub ?? 'nobody'}`)
    return `${logins.join(', ')}, cart ${session.cart.join(' or ')}`
  }

  /** A request came with this session. */
  touch(id: string | undefined): void {
    const session = this.session(id)
    if (session) this.#sessions.set(id as string, { ...session, idleUntil: this.now() + idleSeconds })
  }

  /** A user logs in: there is a new session, and the former one ends. */
  login(id: string | undefined, name: Name, { sub, sid }: ProviderSession, made: string, slack?: Slack): void {
    const former = this.session(id)
    const { data, others } = carried(former, name, sub)
    const logins = { ...others, [name]: { sub, sid, by: made, endsAt: this.now() + maxLoginSeconds } }
    const cart = slack ? loosened(former, data, logins, slack) : data ? (former?.cart ?? [null]) : [null]
    if (id !== undefined) this.#sessions.delete(id)
    if (former && Object.keys(others).length > 0) {
      const went = Object.fromEntries(Object.entries(others).map(([name, { by }]) => [name, by]))
      const until = Math.max(this.now() + movedSeconds, ...Object.values(others).map(({ endsAt }) => endsAt))
      this.#moved.set(id as string, { to: made, logins: went, until })
    }
    this.#sessions.set(made, { logins, hadLogins: true, cart, idleUntil: this.now() + idleSeconds })
  }

  /**
   * A user logs out, in this session or in the one to which the login moved. The session ends with its last login. `at`:
   * when the request arrived, since time may pass before its response.
   */
  logout(id: string | undefined, name: Name, at = this.now()): void {
    const by = this.found(id, name)
    const session = by === undefined ? undefined : this.#find(id, name, by)
    const login = this.session(session)?.logins[name]
    if (login) this.logoutUnderWay(name, login, at)
    this.end(id, name, by)
  }

  /** A logout that read its session earlier. It ends the login that it saw there, wherever that login is now. */
  lateLogout(id: string | undefined, name: Name, { by, own }: SeenLogin, at: number): void {
    const session = by === undefined ? undefined : this.#find(id, name, by)
    const login = own && own.endsAt > at ? own : this.session(session)?.logins[name]
    if (login) this.logoutUnderWay(name, login, at)
    this.end(id, name, by)
  }

  /** Ends logins in all sessions: those of a session at the provider, otherwise all of a user. */
  logoutEverywhere(name: Name, who: ProviderSession): void {
    this.logoutUnderWay(name, who)
    for (const id of new Set(this.#sessions.keys())) {
      const login = this.session(id)?.logins[name]
      const isMeant = who.sid === undefined ? login?.sub === who.sub : login?.sid === who.sid
      if (login && isMeant) this.end(id, name, login.by)
    }
  }

  /** Ends only the logins in progress of this user or session at the provider. */
  logoutUnderWay(name: Name, { sub, sid }: ProviderSession, at = this.now()): void {
    this.#loggedOut.set(JSON.stringify([name, sid === undefined ? { sub } : { sid }]), at)
  }

  /** Whether a login that began at this time may still finish. By default it began before everything else. */
  mayFinish(name: Name, { sub, sid }: ProviderSession, begunAt = -Infinity): boolean {
    const groups = sid === undefined ? [{ sub }] : [{ sub }, { sid }]
    return groups.every((group) => (this.#loggedOut.get(JSON.stringify([name, group])) ?? -Infinity) <= begunAt)
  }

  /** Ends the login that was found, wherever it is now; later logins remain. */
  end(id: string | undefined, name: Name, by: string | undefined): void {
    const at = by === undefined ? undefined : this.#find(id, name, by)
    if (at === undefined) return
    const session = this.session(at) as ModelSession
    const { [name]: _ended, ...logins } = session.logins
    if (Object.keys(logins).length === 0) this.#sessions.delete(at)
    else this.#sessions.set(at, { ...session, logins })
  }

  /** What a logout sees when it reads its session. */
  seen(id: string | undefined, name: Name): SeenLogin {
    return { by: this.found(id, name), own: this.session(id)?.logins[name] }
  }

  /** The login that a logout would end. */
  found(id: string | undefined, name: Name): string | undefined {
    const session = this.session(id)
    return session ? session.logins[name]?.by : this.#wentFrom(id)?.logins[name]
  }

  /** Whether a login of this session is still live, here or where it moved. */
  holds(id: string | undefined, name: Name, by: string): boolean {
    return this.#find(id, name, by) !== undefined
  }

  /** The session that now contains a login of this session. */
  #find(id: string | undefined, name: Name, by: string): string | undefined {
    let at = id
    for (let moves = 0; moves <= mostMoves; moves++) {
      if (this.session(at)?.logins[name]?.by === by) return at
      const moved = this.#wentFrom(at)
      if (moved?.logins[name] !== by) return undefined
      at = moved.to
    }
    return undefined
  }

  #wentFrom(id: string | undefined): Moved | undefined {
    const moved = this.#moved.get(id ?? '')
    return moved && moved.until > this.now() ? moved : undefined
  }

  /** The application writes to an existing session. */
  put(id: string | undefined, what: string): void {
    const session = this.session(id)
    if (session) this.#sessions.set(id as string, { ...session, cart: [what] })
  }

  /** Creates a session without logins. */
  make(id: string, what: string): void {
    this.#sessions.set(id, { logins: {}, hadLogins: false, cart: [what], idleUntil: this.now() + idleSeconds })
  }

  /** Keeps a session that should have been deleted. */
  keep(id: string, session: ModelSession): void {
    this.#sessions.set(id, session)
  }

  /** The application ends a session with all its logins. */
  destroy(id: string | undefined): void {
    this.#sessions.delete(id ?? '')
  }
}

/**
 * Decides what a new session keeps. It keeps an anonymous visitor's data, and the data and logins of the same user. If a
 * second instance logs in beside a live login, data and logins stay too. For any other user it starts empty.
 */
function carried(
  former: ModelSession | undefined,
  name: Name,
  sub: string,
): { data: boolean; others: ModelSession['logins'] } {
  if (!former) return { data: false, others: {} }
  const { [name]: own, ...others } = former.logins
  return own && own.sub !== sub ? { data: false, others: {} } : { data: true, others }
}

function loosened(
  former: ModelSession | undefined,
  data: boolean,
  logins: ModelSession['logins'],
  { carts, before, isContended }: Slack,
): readonly (string | null)[] {
  if (former && data) return isContended ? [...carts, null, ...former.cart] : [...carts, ...former.cart]
  // Never the data of a user of whom no login is in the new session. An anonymous visitor's data may stay.
  const isOwn = !before.hadLogins || names.some((name) => logins[name] && before.logins[name]?.sub === logins[name].sub)
  return isOwn && !former ? [null, ...carts] : [null]
}
