import type { Request } from 'express'
import type { OidcUserClaims, OidcUser } from '../../config/claims.ts'
import type { OidcError } from '../../core/errors.ts'
import type { BearerAuth } from '../../guard/bearer-auth.ts'
import type { CompiledBearerRule } from '../../guard/requirements.ts'
import type { CompiledRule } from '../../guard/rule.ts'
import type { Instance } from '../../logins/instance.ts'
import { authorizeLogin } from './authorize-login.ts'
import { authorizeToken } from './authorize-token.ts'
import { hasToken } from './bearer-credentials.ts'
import { ensureState, loadState } from '../request/request-state.ts'
import { reportRefusal } from './require-bearer.ts'
import { reportError } from '../response/report-error.ts'
import { loginRequired } from '../response/login-required.ts'
import type { BearerGuard } from './bearer-guard.ts'

/** The result of `oidc.authorize()` for a request that meets the rule. */
export interface OidcAuthorized<Claims extends object = OidcUserClaims> {
  /** Whether the request is authorized. */
  readonly ok: true
  /** The user of the session; undefined if an access token was evaluated. */
  readonly user: OidcUser<Claims> | undefined
  /** The verified access token; undefined if the session was evaluated. */
  readonly auth: BearerAuth | undefined
}

/** The result of `authorize()` for a request that is refused. The caller sends the response. */
export interface OidcNotAuthorized {
  /** Whether the request is authorized. */
  readonly ok: false
  /** HTTP status of the response. */
  readonly status: number
  /** The stable error code. */
  readonly code: OidcError['code']
  /** Headers of the response, for example `WWW-Authenticate` or `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>
}

export function toNotAuthorized({ status, code, headers }: OidcError): OidcNotAuthorized {
  return { ok: false, status, code, headers }
}

/** Authorizes a request as the guards do, even if it has not passed the router. */
export async function authorize<Claims extends object>(
  instance: Instance,
  bearer: BearerGuard,
  rule: CompiledRule,
  req: Request,
): Promise<OidcAuthorized<Claims> | OidcNotAuthorized> {
  if (rule.bearer && hasToken(req)) return authorizeByToken(bearer, rule.bearer, req)
  try {
    await loadLogins(instance, req)
    const login = await authorizeLogin([instance], rule, req)
    if (!login) throw loginRequired(undefined, rule.bearer && bearer.policy.challenge)
    return { ok: true, user: login.entry.user as OidcUser<Claims>, auth: undefined }
  } catch (error) {
    return toNotAuthorized(reportError(instance, error))
  }
}

async function authorizeByToken(
  bearer: BearerGuard,
  rule: CompiledBearerRule,
  req: Request,
): Promise<OidcAuthorized<never> | OidcNotAuthorized> {
  try {
    return { ok: true, user: undefined, auth: await authorizeToken(bearer, rule, req) }
  } catch (error) {
    return toNotAuthorized(reportRefusal(bearer.policy, error))
  }
}

/** Loads the logins of a request that has not passed the router, such as a WebSocket upgrade. */
async function loadLogins(instance: Instance, req: Request): Promise<void> {
  const state = ensureState(req)
  if (state.instances.has(instance)) return
  await loadState(instance, req, state)
  state.instances.set(instance, { stripped: '' })
}
