import { names, type Name } from './app.ts'
import { isFaulty, isSame, wrongAnswers, type Case } from './answers.ts'
import type { Model, ModelSession, Slack } from './model.ts'
import { getSid, type Begun, type Ended, type Op } from './ops.ts'
import type { Who } from '../../support/two-instances.ts'

const visitor: ModelSession = { logins: {}, hadLogins: false, cart: [null], idleUntil: Infinity }

/**
 * Decides whether the outcome of concurrent requests is allowed: some order must exist in which the requests, executed
 * atomically one after another, have the same outcome.
 */
export class Judge {
  readonly #case: Case
  readonly #slack: readonly Slack[]

  constructor(given: Case) {
    this.#case = given
    const { ops, id, model } = given
    const before = model.session(id)
    const carts = before ? [...before.cart.filter((cart) => cart !== null), ...ops.flatMap(getCarts)] : []
    this.#slack = ops.map((_, own) => ({
      carts,
      before: before ?? visitor,
      isContended: ops.some((op, index) => index !== own && (changesLogins(op) || this.#mayEnd(op))),
    }))
  }

  /** Returns what is wrong with the responses themselves. */
  answers(): string[] {
    return wrongAnswers(this.#case)
  }

  /** Returns what is wrong with who is logged in by which cookie, and with what they see. */
  views(views: ReadonlyMap<string, Who>): string[] {
    if (this.#explains(this.#case.model, new Set(), views)) return []
    const { ended, model, id } = this.#case
    const answers = ended.map(
      ({ op, outcome, made }) => `${JSON.stringify(op)}: ${outcome}${made ? `, made ${made}` : ''}`,
    )
    const shown = [...views].map(([session, who]) => `${session}: ${JSON.stringify(who)}`)
    return [
      [
        'no order of the requests comes to this:',
        ...answers,
        'which leaves',
        ...shown,
        `before, ${id}: ${model.describe(id)}`,
      ].join('\n  '),
    ]
  }

  /**
   * Returns what is wrong with the remaining keys of the store. Unless something failed, ended logins and sessions must
   * leave nothing.
   */
  keys(keys: readonly string[], views: ReadonlyMap<string, Who>): string[] {
    return keys.flatMap((key) => {
      const [, id = '', name] = /^(?:oidc:\{)?sess:([\w-]+)\}?(?::tokens:(\w+))?$/.exec(key) ?? []
      const who = views.get(id)
      if (key.startsWith('oidc:refresh:') && !this.#case.fault && !this.#case.isCut) return [`${key} is left`]
      // Another kind of record, or the record that leads to another session.
      const isLogin = key === `oidc:{sess:${id}}`
      if (id === '' || (isLogin && !keys.includes(`sess:${id}`))) return []
      if (!who && (isLogin || !this.#case.fault)) return [`${key} belongs to a session that no browser was given`]
      if (!who) return []
      const isDead = name ? who[name as Name] === null : !isSomebody(who) && who.cart === null
      // The session of a login that the provider has ended is deleted when it is next read.
      const mayStay = this.#case.fault !== undefined || (key === `sess:${id}` && this.#case.lost.size > 0)
      return isDead && !mayStay ? [`${key} is left of something that has ended`] : []
    })
  }

  #isFaulty(index: number): boolean {
    return isFaulty(this.#case, index)
  }

  #explains(model: Model, applied: ReadonlySet<number>, views: ReadonlyMap<string, Who>): boolean {
    const { ended } = this.#case
    if (applied.size === ended.length) return [...views].every(([id, who]) => model.shows(id, who))
    return ended.some(
      (one, index) =>
        !applied.has(index) &&
        this.#after(model, one, index, applied).some((next) =>
          this.#explains(next, new Set([...applied, index]), views),
        ),
    )
  }

  /** The possible states after one request has been answered in this way; empty if that outcome is impossible. */
  #after(model: Model, ended: Ended, index: number, applied: ReadonlySet<number>): Model[] {
    const { id } = this.#case
    const { op, outcome, made } = ended
    const isFaulty = this.#isFaulty(index)
    switch (op.kind) {
      case 'stranger':
        return [model]
      case 'login':
        return this.#afterLogin(model, op, ended, index, applied)
      case 'logout': {
        const out = changed(model, (next) => next.logout(id, op.name))
        return outcome === 'fault' ? [model, out] : [out]
      }
      case 'backchannel': {
        if (outcome === 'refused') return this.#isDelivered(index) ? [model] : []
        const { name, sub, session } = op
        const who = { sub, sid: session === undefined ? undefined : getSid(op, session) }
        const out = changed(model, (next) =>
          op.isLate ? next.logoutUnderWay(name, who) : next.logoutEverywhere(name, who),
        )
        return outcome === 'fault' ? [model, out] : [out]
      }
      case 'guarded':
        return this.#afterGuarded(model, ended, op.name)
      case 'token':
        return this.#afterToken(model, ended, op.name)
      case 'evict':
        return [model]
      case 'who':
        return outcome === 'fault' || model.shows(id, ended.answer.json() as Who) ? [model] : []
      case 'put':
      case 'save': {
        const what = `${op.kind} ${index}`
        if (made !== undefined) {
          if (model.session(id)) return []
          const saved = changed(model, (next) => next.make(made, what))
          return isFaulty ? [saved, model] : [saved]
        }
        const put = changed(model, (next) => next.put(id, what))
        return isFaulty ? [put, model] : [put]
      }
      case 'regenerate': {
        const gone = changed(model, (next) => next.destroy(id))
        const make = (from: Model): Model[] =>
          made === undefined ? [] : [changed(from, (next) => next.make(made, `${op.kind} ${index}`))]
        return isFaulty ? [model, gone, ...make(gone), ...make(model)] : make(gone)
      }
      default: {
        const gone = changed(model, (next) => next.destroy(id))
        return isFaulty ? [model, gone] : [gone]
      }
    }
  }

  #afterLogin(
    model: Model,
    begun: Begun,
    { op, outcome, made }: Ended,
    index: number,
    applied: ReadonlySet<number>,
  ): Model[] {
    const { id, ended, fault } = this.#case
    const { name } = begun
    const who = { sub: begun.sub, sid: getSid(begun, begun.copy) }
    const twins = ended
      .map((other, at) => ({ ...other, at }))
      .filter((other) => other.at !== index && isSame(other.op, op))
    switch (outcome) {
      case 'in': {
        if (!model.mayFinish(name, who)) return []
        const after = changed(model, (next) => next.login(id, name, who, made as string, this.#slack[index]))
        const former = model.session(id)
        // A visitor's session that could not be deleted has no logins.
        if (!this.#isFaulty(index) || !former || former.hadLogins) return [after]
        return [after, changed(after, (next) => next.keep(id as string, former))]
      }
      case 'on':
        return twins.some((twin) => twin.outcome === 'in' && applied.has(twin.at)) || this.#isLoggedIn(model, begun)
          ? [model]
          : []
      case 'anew': {
        const isOver = this.#slack[index]?.before.hadLogins === true && model.session(id) === undefined
        const isSpent = twins.length > 0 && (fault !== undefined || twins.every((twin) => twin.outcome !== 'in'))
        return isOver || isSpent || this.#mayBeLoggedOut(name) ? [model] : []
      }
      case 'fault':
        return [model]
      default:
        return []
    }
  }

  /** Whether another login has made a session in which the same user is logged in: a login that it has overtaken is not needed. */
  #isLoggedIn(model: Model, { name, sub }: Begun): boolean {
    return this.#case.ended.some(
      ({ outcome, made }) => outcome === 'in' && model.session(made)?.logins[name]?.sub === sub,
    )
  }

  #afterGuarded(model: Model, ended: Ended, name: Name): Model[] {
    if (ended.outcome === 'fault') return [model]
    // In the background the login is rechecked, which may find it lost.
    return this.#saw(model, ended, name) ? [model, ...this.#afterLoss(model, name)] : []
  }

  #afterToken(model: Model, ended: Ended, name: Name): Model[] {
    if (ended.outcome === 'fault') return [model, ...(this.#case.fault ? this.#afterLoss(model, name) : [])]
    if (this.#saw(model, ended, name)) return [model]
    return ended.outcome === 'nobody' ? this.#afterLoss(model, name) : []
  }

  /** A login whose refresh response was lost ends with the next refresh. */
  #afterLoss(model: Model, name: Name): Model[] {
    const { id, lost } = this.#case
    const sub = model.session(id)?.logins[name]?.sub
    return sub !== undefined && lost.has(`${name} ${sub}`) ? [changed(model, (next) => next.logout(id, name))] : []
  }

  /** Whether a logout may have come while a login was in progress, so that the login begins anew. */
  #mayBeLoggedOut(name: Name): boolean {
    return this.#case.ops.some((op) => (op.kind === 'logout' || op.kind === 'backchannel') && op.name === name)
  }

  /** Whether another request delivered the same logout token. */
  #isDelivered(index: number): boolean {
    const { ended } = this.#case
    const text = JSON.stringify(ended[index]?.op)
    return ended.some((other, at) => at !== index && other.outcome !== 'refused' && JSON.stringify(other.op) === text)
  }

  /** Whether it may end a lost login. */
  #mayEnd({ kind }: Op): boolean {
    return (kind === 'token' || kind === 'guarded') && this.#case.lost.size > 0
  }

  #saw(model: Model, { outcome, answer }: Ended, name: Name): boolean {
    const seen = outcome === 'done' ? (answer.json() as { sub: string }).sub : undefined
    return model.session(this.#case.id)?.logins[name]?.sub === seen
  }
}

function changed(model: Model, change: (next: Model) => void): Model {
  const next = model.copy()
  change(next)
  return next
}

function getCarts(op: Op, index: number): string[] {
  return op.kind === 'put' || op.kind === 'save' ? [`${op.kind} ${index}`] : []
}

function changesLogins({ kind }: Op): boolean {
  return kind === 'login' || kind === 'logout' || kind === 'backchannel' || kind === 'regenerate' || kind === 'destroy'
}

function isSomebody(who: Who): boolean {
  return names.some((name) => who[name] !== null)
}
