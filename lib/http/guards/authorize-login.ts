import type { Request } from 'express'
import { fail, LoginNeeded, type OidcError, setupInvalid } from '../../core/errors.ts'
import type { CompiledRule } from '../../guard/rule.ts'
import { evaluateLogin, type StepUpRequired } from '../../guard/login-decision.ts'
import type { Missing } from '../../guard/requirements.ts'
import type { Instance } from '../../logins/instance.ts'
import { recheck } from '../../logins/tokens/recheck.ts'
import type { LoginEntry } from '../../store/login-entry.ts'
import { canStepUpNow } from './step-up.ts'
import { requireSession, findEntry, getRequestState, type RequestState } from '../request/request-state.ts'
import { crossSiteRefused, findCrossSiteFault } from '../request/cross-site.ts'

/** The instances of a guard. A login with any of them suffices. */
export type Instances = readonly [Instance, ...Instance[]]

/** A login that meets a rule. */
export interface Login {
  readonly instance: Instance
  readonly entry: LoginEntry
}

/** A login that does not meet a rule, and why. */
interface DeniedLogin {
  readonly login: Login
  readonly decision: Missing | StepUpRequired
}

/**
 * Finds the first login of a request's session that meets a rule; undefined if nobody is logged in.
 *
 * @throws OidcError `not_allowed`, `authentication_insufficient`, `cross_site_request`, `session_missing`, `setup_invalid`,
 * `hook_failed`
 */
export async function authorizeLogin(
  instances: Instances,
  rule: CompiledRule,
  req: Request,
): Promise<Login | undefined> {
  const state = requireRouters(instances, req)
  const { records } = requireSession(req, state)
  const logins = findPermittedLogins(instances, req)
  for (const { instance, entry } of logins) {
    recheck(instance, { logins: instance.loginsIn(records), session: state.sessionId, entry })
  }
  let denied: DeniedLogin | undefined
  for (const login of logins) {
    const { clockToleranceSeconds } = login.instance.options
    const decision = await evaluateLogin(login.entry, rule, req, clockToleranceSeconds)
    if (!decision) return login
    // The first login that a step-up can help is reported, otherwise the first login.
    if (!denied || (isStepUp(decision) && !isStepUp(denied.decision))) denied = { login, decision }
  }
  if (denied) throw makeDenial(denied, rule, req)
  return undefined
}

/**
 * Finds the request's logins whose own instance permits its origin (`allowedOrigins`): an origin that one instance lists must
 * not act with the login of another.
 *
 * @throws OidcError `cross_site_request` if there are logins but none of them may be used, or if no instance permits the
 * origin
 */
function findPermittedLogins(instances: Instances, req: Request): readonly Login[] {
  const checked = instances.map((instance) => ({
    instance,
    entry: findEntry(req, instance),
    fault: findCrossSiteFault(req, instance.options),
  }))
  const permitted = checked.filter(({ fault }) => fault === undefined)
  const logins = permitted.flatMap(({ instance, entry }) => (entry ? [{ instance, entry }] : []))
  const refused = checked.find(({ entry, fault }) => fault !== undefined && (entry || permitted.length === 0))
  if (logins.length === 0 && refused) throw crossSiteRefused(refused.instance, refused.fault as string)
  return logins
}

/** Returns the state of a request, and throws unless it has passed the routers of all instances. */
function requireRouters(instances: Instances, req: Request): RequestState {
  const state = getRequestState(req)
  const missing = instances.find((instance) => !state?.instances.has(instance))
  if (state && !missing) return state
  throw setupInvalid(
    `a guarded route was reached before the router of the instance '${(missing ?? instances[0]).options.name}'; put \`app.use(oidc.router)\` before the guarded routes`,
  )
}

function isStepUp(decision: Missing | StepUpRequired): decision is StepUpRequired {
  return 'parameters' in decision
}

/** Creates the error if no login meets the rule, and emits `denied` unless a redirect to a step-up login follows. */
function makeDenial({ login, decision }: DeniedLogin, { redirect }: CompiledRule, req: Request): OidcError {
  const { instance, entry } = login
  const detail = decision.missing
  const error = isStepUp(decision)
    ? new LoginNeeded(decision.code, { ...decision, provider: instance.options.name, owner: instance.owner, detail })
    : fail('not_allowed', detail)
  const { code, status } = error
  if (!(error instanceof LoginNeeded && redirect && canStepUpNow(req, error))) {
    instance.events.emit('denied', { code, status, sub: entry.sub, detail })
  }
  return error
}
