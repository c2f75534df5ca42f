import type { Request } from 'express'
import type { OidcErrorCode } from '../../core/error-table.ts'
import { fail, OidcError, describe } from '../../core/errors.ts'
import type { Instance } from '../../logins/instance.ts'
import type { HandlerContext } from '../request/handler-context.ts'

/** Errors that were reported as events. */
const reported = new WeakSet<OidcError>()
/** Requests with a `login_failed` event: a callback may begin another login that fails too, and one event is enough. */
const failed = new WeakSet<Request>()

/** Turns a thrown value into an OidcError, and emits `store_fault`, or `provider_fault` for `providerFaults`, once. */
export function reportError(
  { events }: Pick<Instance, 'events'>,
  thrown: unknown,
  providerFaults: readonly OidcErrorCode[] = ['provider_unavailable'],
): OidcError {
  const error = thrown instanceof OidcError ? thrown : fail('internal_error', describe(thrown), { cause: thrown })
  const { code, detail } = error
  if (reported.has(error)) return error
  reported.add(error)
  if (code === 'store_unavailable') events.emit('store_fault', { detail })
  if (providerFaults.includes(code)) events.emit('provider_fault', { detail })
  return error
}

/** Turns what a login failed with into an OidcError, and also emits `login_failed`. */
export function loginFailed({ instance, req }: HandlerContext, thrown: unknown): OidcError {
  const error = reportError(instance, thrown)
  const { code, status, detail } = error
  if (!failed.has(req)) instance.events.emit('login_failed', { code, status, detail })
  failed.add(req)
  return error
}
