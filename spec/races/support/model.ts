/**
 * What the sessions of an application and the logins in them are, as docs/architecture.md says it, without any of its
 * machinery: no requests, no records, no compare-and-set; everything happens at once and whole.
 */
import { idleSeconds, maxLoginSeconds, names, type Name } from './app.ts'
import type { Who } from '../../support/two-instances.ts'

export interface ModelLogin {
  readonly sub: string
  /** The session at the provider, where it says one. */
  readonly sid?: string | undefined
  /** The session that it made: no two logins made the same. */
  readonly by: string
  readonly endsAt: number
}

/** A login as a logout saw it. */
export interface SeenLogin {
  /** The session that it made. */
  readonly by: string | undefined
  /** The login, where it was in the session itself and not taken over by another. */
  readonly own: ModelLogin | undefined
}

/** A user, and a session at the provider. */
export type ProviderSession = Pick<ModelLogin, 'sub' | 'sid'>

export interface ModelSession {
  readonly logins: Readonly<Partial<Record<Name, ModelLogin>>>
  /** Whether it ever had logins: then it is over with the last one. */
  readonly hadLogins: boolean
  /** What the application keeps in it: one of these. Who runs at the same time may see the one or the other. */
  readonly cart: readonly (string | null)[]
  /** Without a request until then it ends. */
  readonly idleUntil: number
}

/** The way from a session to the one that took its logins over is known so long at least, and as long as they last. */
const movedSeconds = 600
/** As far as a request goes that way. */
const mostMoves = 3

/** Where the logins of a session went that another has replaced, and which. */
interface Moved {
  readonly to: string
  readonly logins: Readonly<Partial<Record<Name, string>>>
  readonly until: number
}

/** What a login may find of the data of its former session where other requests run at the same time. */
export interface Slack {
  /** Everything that the former session may have had. */
  readonly carts: readonly string[]
  /** What it was before any of them. */
  readonly before: ModelSession
  /** Whether one of the others changes who is logged in: then data that might have stayed may be gone. */
  readonly isContended: boolean
}

export class Model {
  /** Seconds since the epoch. */
  readonly now: () => number
  #sessions: Map<string, ModelSession>
  #moved: Map<string, Moved>
  /** When users and sessions at the provider were last logged out: what had been begun of them before does not log in. */
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

  /** The session of an id, with the logins that last; undefined where there is none, or it is over. */
  session(id: string | undefined): ModelSession | undefined {
    const session = this.#sessions.get(id ?? '')
    if (!session || session.idleUntil <= this.now()) return undefined
    const logins = Object.fromEntries(Object.entries(session.logins).filter(([, { endsAt }]) => endsAt > this.now()))
    if (session.hadLogins && Object.keys(logins).length === 0) return undefined
    return { ...session, logins }
  }

  /** Where the logins of a session went that another has replaced. */
  successor(id: string | undefined): string | undefined {
    return this.#wentFrom(id)?.to
  }

  /** Whether this is what a browser with that session sees. */
  shows(id: string | undefined, { cart, ...logins }: Who): boolean {
    const session = this.session(id)
    if (!(session?.cart ?? [null]).includes(cart)) return false
    return names.every((name) => (session?.logins[name]?.sub ?? null) === logins[name])
  }

  /** In words, for messages. */
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

  /** Somebody logs in: a new session, the former one is dead. */
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
   * Somebody logs out, in this session or in that which its login went to; with the last login it is over. `at`: when the
   * request came, since time may pass before it is answered.
   */
  logout(id: string | undefined, name: Name, at = this.now()): void {
    const by = this.found(id, name)
    const session = by === undefined ? undefined : this.#find(id, name, by)
    const login = this.session(session)?.logins[name]
    if (login) this.logoutUnderWay(name, login, at)
    this.end(id, name, by)
  }

  /** The same for a logout that has read its session before: what it saw there is what it ends, wherever that is now. */
  lateLogout(id: string | undefined, name: Name, { by, own }: SeenLogin, at: number): void {
    const session = by === undefined ? undefined : this.#find(id, name, by)
    const login = own && own.endsAt > at ? own : this.session(session)?.logins[name]
    if (login) this.logoutUnderWay(name, login, at)
    this.end(id, name, by)
  }

  /** Logins end in all sessions: those of a session at the provider, else all of a user. */
  logoutEverywhere(name: Name, who: ProviderSession): void {
    this.logoutUnderWay(name, who)
    for (const id of new Set(this.#sessions.keys())) {
      const login = this.session(id)?.logins[name]
      const isMeant = who.sid === undefined ? login?.sub === who.sub : login?.sid === who.sid
      if (login && isMeant) this.end(id, name, login.by)
    }
  }

  /** Of those, the ones that were begun end, and no other. */
  logoutUnderWay(name: Name, { sub, sid }: ProviderSession, at = this.now()): void {
    this.#loggedOut.set(JSON.stringify([name, sid === undefined ? { sub } : { sid }]), at)
  }

  /** Whether a login may still log in that was begun then: by default, before all this. */
  mayFinish(name: Name, { sub, sid }: ProviderSession, begunAt = -Infinity): boolean {
    const groups = sid === undefined ? [{ sub }] : [{ sub }, { sid }]
    return groups.every((group) => (this.#loggedOut.get(JSON.stringify([name, group])) ?? -Infinity) <= begunAt)
  }

  /** Ends the login that was found, where it is now; what came after it is left alone. */
  end(id: string | undefined, name: Name, by: string | undefined): void {
    const at = by === undefined ? undefined : this.#find(id, name, by)
    if (at === undefined) return
    const session = this.session(at) as ModelSession
    const { [name]: _ended, ...logins } = session.logins
    if (Object.keys(logins).length === 0) this.#sessions.delete(at as string)
    else this.#sessions.set(at as string, { ...session, logins })
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

  /** Whether a login that was in this session lives, in it or where it was taken. */
  holds(id: string | undefined, name: Name, by: string): boolean {
    return this.#find(id, name, by) !== undefined
  }

  /** The session in which a login is now that was in this one. */
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

  /** The application writes to a session that is there. */
  put(id: string | undefined, what: string): void {
    const session = this.session(id)
    if (session) this.#sessions.set(id as string, { ...session, cart: [what] })
  }

  /** A session without logins. */
  make(id: string, what: string): void {
    this.#sessions.set(id, { logins: {}, hadLogins: false, cart: [what], idleUntil: this.now() + idleSeconds })
  }

  /** A session that was to go is still there. */
  keep(id: string, session: ModelSession): void {
    this.#sessions.set(id, session)
  }

  /** The application ends a session, with whatever logins are in it. */
  destroy(id: string | undefined): void {
    this.#sessions.delete(id ?? '')
  }
}

/**
 * Whose session is it: an anonymous visitor's data stay, the same user's data and logins too, and those of a session
 * that a second instance logs in beside a live login. Anybody else gets an empty one.
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
  // Never those of a user who is in the new session with none of the logins; but a visitor is nobody else.
  const isOwn = !before.hadLogins || names.some((name) => logins[name] && before.logins[name]?.sub === logins[name].sub)
  return isOwn && !former ? [null, ...carts] : [null]
}
