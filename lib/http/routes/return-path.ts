import { toLocalPath } from '../../core/urls.ts'
import type { HandlerContext } from '../request/handler-context.ts'

/** Validates a stored `returnTo` again: it may be older than the current rules, or written under other options. */
export function makeSafeReturnTo({ instance }: HandlerContext, returnTo: string): string {
  const { origin, basePath } = instance.options
  return toLocalPath(returnTo, origin) ?? (basePath || '/')
}
