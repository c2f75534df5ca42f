import type { Request } from 'express'
import { LoginNeeded, OidcError, hookFailed, setupInvalid } from '../../core/errors.ts'
import { warnOnce } from '../../core/warnings.ts'
import type { CompiledRule } from '../../guard/rule.ts'
import { judge, type SessionVerdict, type Wanting } from '../../guard/session-verdict.ts'
import type { Verdict } from '../../guard/verdict.ts'
import type { Instance } from '../../logins/instance.ts'
import { recheck } from '../../logins/tokens/recheck.ts'
import type { Slot } from '../../store/slot.ts'
import type { RequestSession } from '../../session/web-session.ts'
import { canAskNow } from './step-up.ts'
import { requireSession, slotOf, stateOf } from '../request/request-state.ts'
import { crossSiteRefused, crossSite } from '../request/cross-site.ts'

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
  if (logins.length === 0) return undefined
  const { records } = state.session as RequestSession
  for (const { instance, slot } of logins) {
    recheck(instance, { logins: instance.loginsIn(records), session: state.sessionId, slot })
  }
  return judgeInTurn(logins, rule, req)
}

/** Why the logins that were judged so far do not meet the rule. */
interface Judged {
  /** The first that another login could mend, else the first. */
  readonly login: Login
  readonly lacking: string
  readonly wanting: Wanting | undefined
}

function judgeInTurn(
  logins: readonly Login[],
  rule: CompiledRule,
  req: Request,
  before?: Judged,
): Login | Promise<Login> {
  let judged = before
  for (const [index, login] of logins.entries()) {
    const { clockToleranceSeconds } = login.instance.options
    let verdict: SessionVerdict | Promise<Verdict>
    try {
      verdict = judge(login.slot, rule, req, clockToleranceSeconds)
    } catch (error) {
      throw hookFailed('check', error)
    }
    if (verdict instanceof Promise) return judgeWaiting(logins.slice(index), verdict, rule, req, judged)
    if (verdict.ok) return login
    judged = added(judged, login, verdict)
  }
  throw refusal(judged as Judged, rule, req)
}

function added(before: Judged | undefined, login: Login, verdict: Exclude<SessionVerdict, { ok: true }>): Judged {
  if (before?.wanting) return before
  const wanting = 'parameters' in verdict ? verdict : undefined
  return { login: wanting ? login : (before?.login ?? login), lacking: verdict.lacking, wanting }
}

async function judgeWaiting(
  logins: readonly Login[],
  first: Promise<Verdict>,
  rule: CompiledRule,
  req: Request,
  before: Judged | undefined,
): Promise<Login> {
  const [login, ...others] = logins as [Login, ...Login[]]
  const verdict = await first.catch((error: unknown) => {
    throw hookFailed('check', error)
  })
  if (verdict.ok) return login
  return judgeInTurn(others, rule, req, added(before, login, verdict))
}

/** What is answered where no login meets the rule: what another would have to ask for, where that could mend it. */
function refusal({ login, lacking, wanting }: Judged, { redirect }: CompiledRule, req: Request): OidcError {
  const { instance, slot } = login
  const detail = `lacking: ${lacking}`
  const error = wanting
    ? new LoginNeeded(wanting.code, { ...wanting, provider: instance.options.name, owner: instance.owner, detail })
    : new OidcError('not_allowed', 'You are logged in, but you may not do this.', { status: 403, detail })
  const { code, status } = error
  if (!(error instanceof LoginNeeded && redirect && canAskNow(req, error))) {
    instance.events.emit('denied', { code, status, sub: slot.sub, detail })
  }
  return error
}
