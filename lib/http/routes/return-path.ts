import { localPath } from '../../core/urls.ts'
import type { Exchange } from '../request/exchange.ts'

/** Where a login was to return to, looked at anew: what was kept may be older than the rules, or another's. */
export function homeward({ instance }: Exchange, returnTo: string): string {
  const { origin, basePath } = instance.options
  return localPath(returnTo, origin) ?? (basePath || '/')
}
