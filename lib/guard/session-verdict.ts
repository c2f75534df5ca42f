import type { Request } from 'express'
import { nowSeconds } from '../core/clock.ts'
import type { LoginNeeds } from '../core/errors.ts'
import { wasAskedLately } from '../session/step-up-history.ts'
import type { Slot } from '../store/slot.ts'
import { authenticationParameters, weakness, type Weakness } from './authentication.ts'
import type { CompiledRule } from './rule.ts'
import { meets, type Verdict } from './verdict.ts'

/** A login that would do with more scope, or after its user has authenticated anew or better. */
export interface Wanting extends LoginNeeds {
  readonly ok: false
  readonly code: 'authentication_insufficient' | 'not_allowed'
  readonly lacking: string
  /** Whether that was asked for a moment ago, with this result. */
  readonly isRepeat: boolean
}

/** Whether a login meets a rule, or what another would have to ask for. */
export type SessionVerdict = Verdict | Wanting

/** Seconds that a user may take from the provider back to the page, at least: else nobody could have authenticated just now. */
const wayBackSeconds = 30

/**
 * Judges a login against a rule: without I/O, unless the rule's own `check` does some. What no login could mend comes
 * first, so that nobody is sent to the provider for nothing.
 */
export function judge(
  slot: Slot,
  rule: CompiledRule,
  req: Request,
  clockToleranceSeconds: number,
): SessionVerdict | Promise<Verdict> {
  const standing = meets(slot, slot.user, rule.standing, req) as Verdict
  if (!standing.ok) return standing
  if (rule.mendable) {
    const missing = rule.scope.filter((wanted) => !slot.scope.includes(wanted))
    const weak = weaknessOf(slot, rule, Math.max(clockToleranceSeconds, wayBackSeconds))
    if (missing.length > 0 || weak) return wanting(slot, rule, missing, weak)
  }
  return meets(slot, slot.user, rule.own, req)
}

function weaknessOf(slot: Slot, rule: CompiledRule, toleranceSeconds: number): Weakness | undefined {
  const weak = weakness({ acr: slot.acr, authTime: slot.authTime }, rule, toleranceSeconds)
  return weak === 'auth_time' && isJustBack(slot, rule, toleranceSeconds) ? undefined : weak
}

/**
 * Whether a login has just come back from being asked for no less: its `auth_time` was checked against when it set out, and
 * pages of the provider that come after the password may have taken longer than the way back.
 */
function isJustBack({ asked }: Slot, { maxAuthAgeSeconds = 0 }: CompiledRule, wayBack: number): boolean {
  const maxAge = asked?.parameters['max_age']
  return maxAge !== undefined && Number(maxAge) <= maxAuthAgeSeconds && nowSeconds() - (asked?.at as number) <= wayBack
}

function wanting(slot: Slot, rule: CompiledRule, missing: readonly string[], weak: Weakness | undefined): Wanting {
  const { acr_values: acr = '' } = authenticationParameters(rule)
  const isScopeRefused = missing.length > 0 && wasAskedLately(slot, { scope: missing, parameters: {} })
  // An age that was asked for was met when the user came back, or there would be no such login.
  const isAcrRefused = weak === 'acr' && wasAskedLately(slot, { scope: [], parameters: { acr_values: acr } })
  return {
    ok: false,
    code: weak ? 'authentication_insufficient' : 'not_allowed',
    lacking: [...missing.map((word) => `scope ${word}`), ...(weak ? [weak] : [])].join(', '),
    scope: missing,
    parameters: weak ? authenticationParameters(rule) : {},
    isRepeat: isScopeRefused || isAcrRefused,
  }
}
