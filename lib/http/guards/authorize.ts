import type { Request } from 'express'
import type { StandardClaims, User } from '../../config/claims.ts'
import type { OidcError } from '../../core/errors.ts'
import type { BearerAuth } from '../../guard/bearer-auth.ts'
import type { CompiledRule } from '../../guard/rule.ts'
import type { Instance } from '../../logins/instance.ts'
import { authorizeLogin } from './authorize-login.ts'
import { authorizeToken } from './authorize-token.ts'
import { presentsToken } from './bearer-credentials.ts'
import { ensureState, loadState } from '../request/request-state.ts'
import { toldRefusal } from './require-bearer.ts'
import { toldError } from '../response/report-error.ts'
import { loginRequired } from '../response/login-required.ts'
import type { BearerGuard } from './bearer-guard.ts'

/** What `authorize` says of a request that may. */
export interface Authorized<Claims extends object = StandardClaims> {
  readonly ok: true
  /** The user of the session; undefined where an access token was presented. */
  readonly user: User<Claims> | undefined
  /** What the access token says; undefined where there is a session instead. */
  readonly auth: BearerAuth | undefined
}

/** What `authorize` says of a request that may not. */
export interface NotAuthorized {
  readonly ok: false
  /** HTTP status to answer. */
  readonly status: number
  readonly code: OidcError['code']
  /** Headers to answer, a challenge or `Retry-After` for instance. */
  readonly headers: Readonly<Record<string, string>>
}

/** What is left to answer of a request that was refused. */
export function notAuthorized({ status, code, headers }: OidcError): NotAuthorized {
  return { ok: false, status, code, headers }
}

/** Judges a request as the guards do, whether or not it has come through the router. */
export async function authorize<Claims extends object>(
  instance: Instance,
  bearer: BearerGuard,
  rule: CompiledRule,
  req: Request,
): Promise<Authorized<Claims> | NotAuthorized> {
  if (rule.bearer && presentsToken(req)) {
    try {
      return { ok: true, user: undefined, auth: await authorizeToken(bearer, rule.bearer, req) }
    } catch (error) {
      return notAuthorized(toldRefusal(bearer.policy, error))
    }
  }
  try {
    await loadLogins(instance, req)
    const login = await authorizeLogin([instance], rule, req)
    if (!login) throw loginRequired(undefined, rule.bearer && bearer.policy.challenge)
    return { ok: true, user: login.slot.user as User<Claims>, auth: undefined }
  } catch (error) {
    return notAuthorized(toldError(instance, error))
  }
}

/** An upgrade does not come through the router of Express: what it brings is looked at here. */
async function loadLogins(instance: Instance, req: Request): Promise<void> {
  const state = ensureState(req)
  if (state.instances.has(instance)) return
  await loadState(instance, req, state)
  state.instances.set(instance, { stripped: '' })
}
