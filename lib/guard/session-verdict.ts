import type { Request } from 'express'
import type { Slot } from '../session/login-record.ts'
import type { CompiledRule } from './rule.ts'

/** Whether a login meets a rule; `lacking` says for the log what it does not. */
export type Verdict = { readonly ok: true } | { readonly ok: false; readonly lacking: string }

const passed: Verdict = { ok: true }

/** Judges a login against a rule: without I/O, unless the rule's own `check` does some. */
export function judge(slot: Slot, rule: CompiledRule, req: Request): Verdict | Promise<Verdict> {
  const role = rule.roles.find((wanted) => !slot.roles.includes(wanted))
  if (role !== undefined) return lacking(`role ${role}`)
  if (rule.anyRole && !rule.anyRole.some((wanted) => slot.roles.includes(wanted))) {
    return lacking(`one of the roles ${rule.anyRole.join(', ')}`)
  }
  const scope = rule.scope.find((wanted) => !slot.scope.includes(wanted))
  if (scope !== undefined) return lacking(`scope ${scope}`)
  if (rule.anyScope && !rule.anyScope.some((wanted) => slot.scope.includes(wanted))) {
    return lacking(`one of the scopes ${rule.anyScope.join(' ')}`)
  }
  const claim = rule.claims.find(([name, wanted]) => !hasClaim(slot.user, name, wanted))
  if (claim) return lacking(`claim ${claim[0]}`)
  return rule.check ? checked(rule.check(slot.user as never, req)) : passed
}

async function checked(outcome: unknown): Promise<Verdict> {
  return (await outcome) === true ? passed : lacking("the route's own check")
}

function hasClaim(user: Slot['user'], name: string, wanted: string | number | boolean): boolean {
  const value = Object.hasOwn(user, name) ? user[name] : undefined
  return Array.isArray(value) ? value.includes(wanted) : value === wanted
}

function lacking(what: string): Verdict {
  return { ok: false, lacking: what }
}
