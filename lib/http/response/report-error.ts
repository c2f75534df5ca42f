import type { Request } from 'express'
import { OidcError, describe, type OidcErrorCode } from '../../core/errors.ts'
import type { Instance } from '../../logins/instance.ts'
import type { Exchange } from '../request/exchange.ts'

/** Faults that listeners were told of. */
const told = new WeakSet<OidcError>()
/** Requests whose login is told to have failed: a callback may have begun another that failed too. */
const failed = new WeakSet<Request>()

/** Makes an error of ours of whatever was thrown, and tells it to who listens; those of `providerFaults` as faults of the provider. */
export function toldError(
  { events }: Pick<Instance, 'events'>,
  thrown: unknown,
  providerFaults: readonly OidcErrorCode[] = ['provider_unavailable'],
): OidcError {
  const error =
    thrown instanceof OidcError
      ? thrown
      : new OidcError('internal_error', 'The application could not complete the request.', {
          status: 500,
          detail: describe(thrown),
          cause: thrown,
        })
  const { code, detail } = error
  if (told.has(error)) return error
  told.add(error)
  if (code === 'store_unavailable') events.emit('store_fault', { detail })
  if (providerFaults.includes(code)) events.emit('provider_fault', { detail })
  return error
}

/** The same for what a login has failed with. */
export function loginFailed({ instance, req }: Exchange, thrown: unknown): OidcError {
  const error = toldError(instance, thrown)
  const { code, status, detail } = error
  if (!failed.has(req)) instance.events.emit('login_failed', { code, status, detail })
  failed.add(req)
  return error
}
