import { localPath } from '../../core/urls.ts'
import type { Exchange } from '../request/exchange.ts'

/** Validates a stored `returnTo` again: it may be older than the current rules, or written under other options. */
export function safeReturnTo({ instance }: Exchange, returnTo: string): string {
  const { origin, basePath } = instance.options
  return localPath(returnTo, origin) ?? (basePath || '/')
}
