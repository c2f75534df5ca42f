import type { Request } from 'express'
import type { UnknownClaims } from '../config/claims.ts'
import type { AuthenticationRule } from './authentication.ts'

/** What of a rule can be needed of a login or a token alike. */
export interface Requirements {
  readonly roles: readonly string[]
  readonly anyRole: readonly string[] | undefined
  readonly scope: readonly string[]
  readonly anyScope: readonly string[] | undefined
  readonly claims: readonly (readonly [string, string | number | boolean])[]
  readonly check: ((user: never, req: Request) => unknown) | undefined
}

/** A rule for tokens, checked, in the form in which it is judged. */
export interface CompiledBearerRule extends Requirements, AuthenticationRule {
  readonly audience: readonly string[] | undefined
  readonly optional: boolean
}

/** Whether a login or a token meets a rule; `lacking` says for the log what it does not, `scope` what would be needed. */
export type Verdict =
  { readonly ok: true } | { readonly ok: false; readonly lacking: string; readonly scope?: readonly string[] }

const passed: Verdict = { ok: true }

/** What is judged: what a login or a token brings. */
export interface Bearings {
  readonly roles: readonly string[]
  readonly scope: readonly string[]
}

/** Judges what somebody brings against a rule: without I/O, unless the rule's own `check` does some. */
export function meets(
  { roles, scope }: Bearings,
  claims: UnknownClaims,
  rule: Requirements,
  req: Request | undefined,
): Verdict | Promise<Verdict> {
  const role = rule.roles.find((wanted) => !roles.includes(wanted))
  if (role !== undefined) return lacking(`role ${role}`)
  if (rule.anyRole && !rule.anyRole.some((wanted) => roles.includes(wanted))) {
    return lacking(`one of the roles ${rule.anyRole.join(', ')}`)
  }
  const missing = rule.scope.find((wanted) => !scope.includes(wanted))
  if (missing !== undefined) return lacking(`scope ${missing}`, rule.scope)
  if (rule.anyScope && !rule.anyScope.some((wanted) => scope.includes(wanted))) {
    return lacking(`one of the scopes ${rule.anyScope.join(' ')}`, rule.anyScope)
  }
  const claim = rule.claims.find(([name, wanted]) => !hasClaim(claims, name, wanted))
  if (claim) return lacking(`claim ${claim[0]}`)
  return rule.check ? checked(rule.check(claims as never, req as Request)) : passed
}

async function checked(outcome: unknown): Promise<Verdict> {
  return (await outcome) === true ? passed : lacking("the route's own check")
}

function hasClaim(claims: UnknownClaims, name: string, wanted: string | number | boolean): boolean {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined
  return Array.isArray(value) ? value.includes(wanted) : value === wanted
}

function lacking(what: string, scope?: readonly string[]): Verdict {
  return { ok: false, lacking: what, ...(scope && { scope }) }
}
