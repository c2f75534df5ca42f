import type { BearerPolicy } from '../../guard/bearer-policy.ts'
import type { ResolvedOptions } from '../../config/resolve.ts'
import type { Resource } from '../routes/resource-metadata.ts'
import type { ResolvedBinding } from '../../config/resolve-binding.ts'
/** What the handlers of one guard share. */
export interface BearerGuard {
  readonly policy: BearerPolicy
  readonly onError: ResolvedOptions['onError']
  /** Where clients reach what is guarded; undefined where the options say nothing of it. */
  readonly resource: Resource | undefined
  readonly mtls: ResolvedBinding['mtls']
}
