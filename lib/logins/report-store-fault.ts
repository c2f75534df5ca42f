import { storeUnavailable } from '../core/errors.ts'
import type { Instance } from './instance.ts'

/** Logs a failure of the store that changes no response, and emits `store_fault`. */
export function reportStoreFault({ events }: Pick<Instance, 'events'>, error: unknown): void {
  const fault = storeUnavailable(error)
  events.log.failure(fault)
  events.emit('store_fault', { detail: fault.detail })
}
