import type { Request } from 'express'
import { OidcError, hookFailed } from '../core/errors.ts'
import { warnOnce } from '../core/warnings.ts'
import type { CompiledRule } from '../guard/rule.ts'
import { judge } from '../guard/session-verdict.ts'
import type { Verdict } from '../guard/verdict.ts'
import type { Instance } from '../logins/instance.ts'
import type { Slot } from '../session/login-record.ts'
import { crossSiteRefused } from './logout.ts'
import { crossSite } from './origin.ts'
import { requireSession, setupInvalid, slotOf, stateOf } from './request-state.ts'

/** Any of these will do. */
export type Instances = readonly [Instance, ...Instance[]]

/** A login that meets a rule. */
export interface Login {
  readonly instance: Instance
  readonly slot: Slot
}

/**
 * Judges a request by the logins of its session: the first that meets the rule, or undefined where nobody is logged in.
 * Runs synchronously as far as it can: a guarded request with a login takes no turn of the event loop.
 *
 * @throws OidcError `not_allowed`, `cross_site_request`, `session_missing`, `setup_invalid`, `hook_failed`
 */
export function admitLogin(instances: Instances, rule: CompiledRule, req: Request): Login | undefined | Promise<Login> {
  const state = stateOf(req)
  const missing = instances.find((instance) => !state?.instances.has(instance))
  if (!state || missing) {
    warnOnce(
      'OIDC_ROUTER_ORDER',
      'a guarded route was reached before the router of its instance: app.use(oidc.router) must come before the routes that it guards.',
      instances[0].options.name,
    )
    throw setupInvalid(
      `a guarded route was reached before the router of the instance '${(missing ?? instances[0]).options.name}': app.use(oidc.router) must come before the routes that it guards`,
    )
  }
  requireSession(req, state)
  const refused = instances.map((instance) => crossSite(req, instance.options))
  if (!refused.includes(undefined)) throw crossSiteRefused(instances[0], refused[0] as string)
  const logins = instances.flatMap((instance) => {
    const slot = slotOf(req, instance)
    return slot ? [{ instance, slot }] : []
  })
  return logins.length === 0 ? undefined : judgeInTurn(logins, rule, req)
}

function judgeInTurn(logins: readonly Login[], rule: CompiledRule, req: Request): Login | Promise<Login> {
  let lacking = ''
  for (const [index, login] of logins.entries()) {
    let verdict: Verdict | Promise<Verdict>
    try {
      verdict = judge(login.slot, rule, req)
    } catch (error) {
      throw hookFailed('check', error)
    }
    if (verdict instanceof Promise) return judgeWaiting(logins.slice(index), verdict, rule, req)
    if (verdict.ok) return login
    lacking = verdict.lacking
  }
  throw notAllowed(logins, lacking)
}

async function judgeWaiting(
  logins: readonly Login[],
  first: Promise<Verdict>,
  rule: CompiledRule,
  req: Request,
): Promise<Login> {
  const [login, ...others] = logins as [Login, ...Login[]]
  const verdict = await first.catch((error: unknown) => {
    throw hookFailed('check', error)
  })
  if (verdict.ok) return login
  if (others.length === 0) throw notAllowed(logins, verdict.lacking)
  return judgeInTurn(others, rule, req)
}

function notAllowed(logins: readonly Login[], lacking: string): OidcError {
  const [login] = logins as [Login, ...Login[]]
  const error = new OidcError('not_allowed', 'You are logged in, but you may not do this.', {
    status: 403,
    detail: `lacking: ${lacking}`,
  })
  const { code, status, detail } = error
  login.instance.events.emit('denied', { code, status, sub: login.slot.sub, detail })
  return error
}
