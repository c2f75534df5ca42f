import { parseUrl } from '../core/urls.ts'
import type { Checks } from './checks.ts'

/** Returns the option `resource` (RFC 8707, section 2) as a list; undefined if it is missing or invalid. */
export function readResources(checks: Checks): string[] | undefined {
  const given = checks.value('resource')
  if (given === undefined) return undefined
  const list: unknown[] = Array.isArray(given) ? [...given] : [given]
  if (list.length > 0 && list.every(isResource)) return [...new Set(list as string[])]
  checks.fault(
    "`resource` must be an absolute URI without a fragment, such as 'https://api.example.com', or an array of such URIs",
  )
  return undefined
}

function isResource(value: unknown): boolean {
  return (
    typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) && !value.includes('#') && parseUrl(value) !== undefined
  )
}
