import type { Request } from 'express'
import type { Slot } from '../session/login-record.ts'
import type { CompiledRule } from './rule.ts'
import { meets, type Verdict } from './verdict.ts'

/** Judges a login against a rule: without I/O, unless the rule's own `check` does some. */
export function judge(slot: Slot, rule: CompiledRule, req: Request): Verdict | Promise<Verdict> {
  return meets(slot, slot.user, rule, req)
}
