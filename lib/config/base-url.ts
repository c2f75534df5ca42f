import { toLocalPath, parseUrl } from '../core/urls.ts'
import type { Checks } from './checks.ts'

/** Returns the option `baseUrl`; undefined if it is missing or invalid. */
export function readBaseUrl(checks: Checks): URL | undefined {
  const given = checks.value('baseUrl')
  if (given === undefined) {
    checks.fault(
      "`baseUrl` is missing; pass the URL at which browsers reach this application, such as 'https://app.example.com'",
    )
    return undefined
  }
  const text = given instanceof URL ? given.href : given
  const url = typeof text === 'string' ? parseUrl(text) : undefined
  if (!url) {
    checks.fault("`baseUrl` must be an absolute URL such as 'https://app.example.com'")
    return undefined
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') checks.fault('`baseUrl` must be an https: or http: URL')
  else if (url.username || url.password) checks.fault('`baseUrl` must not contain a user name or password')
  else if (url.search || url.hash) checks.fault('`baseUrl` must not have a query or a fragment')
  else if (toLocalPath(url.pathname, url.origin) === undefined)
    checks.fault("`baseUrl` has a path that is unsafe in redirects; pass a plain path such as '/app'")
  else return url
  return undefined
}
