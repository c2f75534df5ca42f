import { names, type Name } from './app.ts'
import type { CommandFault } from './client.ts'
import type { Model, ModelSession, Slack } from './model.ts'
import { keyOf, type Begun, type Ended, type Former, type Op } from './ops.ts'
import type { Who } from '../../support/two-instances.ts'

/** What is known of a race that is over. */
export interface Case {
  readonly former: Former
  readonly ops: readonly Op[]
  readonly ended: readonly Ended[]
  /** The session that all requests came with. */
  readonly id: string | undefined
  /** The command that failed, where one did. */
  readonly fault: CommandFault | undefined
  /** What was before. */
  readonly model: Model
}

const visitor: ModelSession = { logins: {}, hadLogins: false, cart: [null], idleUntil: Infinity }

/**
 * Says whether what came of requests that ran at once is allowed: there must be an order in which, one after another
 * and each at once and whole, they come to the same.
 */
export class Judge {
  readonly #case: Case
  readonly #slack: readonly Slack[]

  constructor(given: Case) {
    this.#case = given
    const { ops, id, model } = given
    const before = model.session(id)
    const carts = before ? [...before.cart.filter((cart) => cart !== null), ...ops.flatMap(cartsOf)] : []
    this.#slack = ops.map((_, own) => ({
      carts,
      before: before ?? visitor,
      isContended: ops.some((op, index) => index !== own && changesLogins(op)),
    }))
  }

  /** What is wrong with the answers themselves. */
  answers(): string[] {
    return this.#case.ended.flatMap((ended, index) => {
      const { op, outcome, answer, made } = ended
      const wrong = (what: string): string => `${JSON.stringify(op)}: ${what}`
      if (outcome === 'fault') {
        if (!this.#isFaulty(index)) return [wrong('a fault, and none was made')]
        if (answer.retryAfter === undefined) return [wrong('a fault without Retry-After')]
        if (made !== undefined && isOurs(op)) return [wrong('a fault that touches the session cookie')]
      }
      if (op.kind === 'stranger' && (outcome === 'in' || outcome === 'on')) return [wrong('a stranger was let in')]
      if (op.kind === 'guarded' && outcome === 'done') {
        const { sub, tokensOf } = answer.json() as { sub: string; tokensOf: string | null }
        if (tokensOf !== null && tokensOf !== sub) return [wrong(`${sub} has the tokens of ${tokensOf}`)]
        if (tokensOf === null && this.#case.ops.length === 1) return [wrong(`${sub} has no tokens`)]
      }
      const others = this.#case.ended.filter((other) => other !== ended && other.outcome === 'in')
      if (outcome === 'in' && others.some((other) => isSame(other.op, op))) {
        return [wrong('one response was used twice')]
      }
      return []
    })
  }

  /** What is wrong with who is logged in by which cookie, and what they see. */
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

  /** What is wrong with what is left in the store, before anybody looks: where nothing failed, nothing of the dead. */
  keys(keys: readonly string[], views: ReadonlyMap<string, Who>): string[] {
    return keys.flatMap((key) => {
      const [, id = '', name] = /^(?:oidc:\{)?sess:([\w-]+)\}?(?::tokens:(\w+))?$/.exec(key) ?? []
      const who = views.get(id)
      // Another kind of record, or the mark that leads to another session.
      const isLogin = key === `oidc:{sess:${id}}`
      if (id === '' || (isLogin && !keys.includes(`sess:${id}`))) return []
      if (!who && (isLogin || !this.#case.fault)) return [`${key} is of a session that no browser was given`]
      if (!who) return []
      const isDead = name ? who[name as Name] === null : !isSomebody(who) && who.cart === null
      return isDead && !this.#case.fault ? [`${key} is left of what is over`] : []
    })
  }

  #isFaulty(index: number): boolean {
    return this.#case.fault?.actor === index
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

  /** What may be once one of the requests has been answered so; nothing where it may not have been. */
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
      case 'guarded':
        return outcome === 'fault' || this.#saw(model, ended, op.name) ? [model] : []
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
    { name, sub }: Begun,
    { op, outcome, made }: Ended,
    index: number,
    applied: ReadonlySet<number>,
  ): Model[] {
    const { id, ended, fault } = this.#case
    const twins = ended
      .map((other, at) => ({ ...other, at }))
      .filter((other) => other.at !== index && isSame(other.op, op))
    switch (outcome) {
      case 'in': {
        const after = changed(model, (next) => next.login(id, name, sub, made as string, this.#slack[index]))
        const former = model.session(id)
        // A visitor's session that could not be deleted has nobody in it.
        if (!this.#isFaulty(index) || !former || former.hadLogins) return [after]
        return [after, changed(after, (next) => next.keep(id as string, former))]
      }
      case 'on':
        return twins.some((twin) => twin.outcome === 'in' && applied.has(twin.at)) ? [model] : []
      case 'anew': {
        const isOver = this.#slack[index]?.before.hadLogins === true && model.session(id) === undefined
        const isSpent = twins.length > 0 && (fault !== undefined || twins.every((twin) => twin.outcome !== 'in'))
        return isOver || isSpent ? [model] : []
      }
      case 'fault':
        return [model]
      default:
        return []
    }
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

function cartsOf(op: Op, index: number): string[] {
  return op.kind === 'put' || op.kind === 'save' ? [`${op.kind} ${index}`] : []
}

function changesLogins({ kind }: Op): boolean {
  return kind === 'login' || kind === 'logout' || kind === 'regenerate' || kind === 'destroy'
}

/** Whether the package itself answers it. */
function isOurs({ kind }: Op): boolean {
  return kind === 'login' || kind === 'stranger' || kind === 'logout' || kind === 'guarded'
}

/** Whether both bring the same response. */
function isSame(one: Op, other: Op): boolean {
  return one.kind === 'login' && other.kind === 'login' && keyOf(one) === keyOf(other)
}

function isSomebody(who: Who): boolean {
  return names.some((name) => who[name] !== null)
}
