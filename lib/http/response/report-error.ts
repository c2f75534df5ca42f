import type { Request } from 'express'
import type { OidcErrorCode } from '../../core/error-table.ts'
import { makePrivateField, type PrivateField } from '../../core/private-field.ts'
import { describe } from '../../core/describe.ts'
import { describeMissingPermission } from '../../core/redis-permissions.ts'
import { fail, OidcError } from '../../core/errors.ts'
import type { Instance } from '../../logins/instance.ts'
import type { HandlerContext } from '../request/handler-context.ts'

/** What has been done about the errors of one request. It is a class for the reason given in handler-context.ts. */
class ErrorReport {
  /** The error that `onError` has seen. It is stored by request, since several requests can share an error. */
  seenByHook: OidcError | undefined = undefined
  /** Whether `login_failed` was emitted: a callback may begin another login that fails too, and one event is enough. */
  isLoginReported: boolean = false
}

const reports: PrivateField<ErrorReport> = makePrivateField()
/** Marks errors that were reported as events. Concurrent callers that share a refresh share its error. */
const reported: PrivateField<true> = makePrivateField()

/** Returns the report of a request, and creates it at the first error. */
export function ensureReport(req: Request): ErrorReport {
  const report = reports.get(req) ?? new ErrorReport()
  reports.set(req, report)
  return report
}

/** Turns a thrown value into an OidcError, and emits `store_fault`, or `provider_fault` for `providerFaults`, once. */
export function reportError(
  { events }: Pick<Instance, 'events'>,
  thrown: unknown,
  providerFaults: readonly OidcErrorCode[] = ['provider_unavailable', 'provider_misconfigured'],
): OidcError {
  const error = thrown instanceof OidcError ? thrown : fail('internal_error', describe(thrown), { cause: thrown })
  const { code, detail } = error
  if (reported.get(error)) return error
  reported.set(error, true)
  const isStoreFault = code === 'store_unavailable' || describeMissingPermission(error.cause) !== undefined
  if (isStoreFault) events.emit('store_fault', { detail })
  if (providerFaults.includes(code)) events.emit('provider_fault', { detail })
  return error
}

/** Turns the error of a failed login into an OidcError, and also emits `login_failed`. */
export function loginFailed({ instance, req }: HandlerContext, thrown: unknown): OidcError {
  const error = reportError(instance, thrown)
  const { code, status, detail } = error
  const report = ensureReport(req)
  if (!report.isLoginReported) instance.events.emit('login_failed', { code, status, detail })
  report.isLoginReported = true
  return error
}
