import type { BearerPolicy } from '../../guard/bearer-policy.ts'
import type { ResolvedOptions } from '../../config/resolve.ts'
import type { Resource } from '../routes/resource-metadata.ts'
import type { ResolvedBinding } from '../../config/resolve-binding.ts'
/** The parts that all handlers of one guard share. */
export interface BearerGuard {
  readonly policy: BearerPolicy
  readonly onError: ResolvedOptions['onError']
  /** Where clients reach the API; undefined without `baseUrl`. */
  readonly resource: Resource | undefined
  readonly mtls: ResolvedBinding['mtls']
}
