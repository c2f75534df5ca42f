import { Checks } from './checks.ts'

/** Paths of the routes of an instance, relative to `baseUrl`. */
export interface Routes {
  readonly login: string
  readonly callback: string
  readonly logout: string
}

/** The name of an instance. */
export function nameOf(checks: Checks): string {
  const name = checks.string('name', 'a short word, for example the name of the provider')
  if (name === undefined) return 'default'
  if (/^[a-z][a-z0-9-]{0,31}$/i.test(name)) {
    if (name !== 'default') return name
    checks.fault("name 'default' is that of the instance without a name: choose another, or leave it out")
  } else {
    checks.fault('name must be letters, digits and hyphens, begin with a letter and have at most 32 characters')
  }
  return 'default'
}

/** The paths of its routes. */
export function routesOf(checks: Checks, name: string): Routes {
  const prefix = name === 'default' ? '' : `/${name}`
  const routes = { login: `${prefix}/login`, callback: `${prefix}/callback`, logout: `${prefix}/logout` }
  const given = checks.value('routes')
  if (given === undefined) return routes
  const inner = new Checks(given, 'routes', Object.keys(routes))
  for (const route of ['login', 'callback', 'logout'] as const) {
    const path = inner.value(route)
    if (path === undefined) continue
    // Only what means the same in Express 4 and 5, and no query: a redirect URI with one cannot be expressed (RFC 6749 3.1.2).
    if (typeof path === 'string' && /^(?:\/[A-Za-z0-9._~-]+)+$/.test(path)) routes[route] = path
    else
      inner.fault(
        `routes.${route} must be a plain path such as '/auth/${route}', without patterns, query or a slash at its end`,
      )
  }
  // Express matches without regard to case.
  if (new Set(Object.values(routes).map((path) => path.toLowerCase())).size < 3) {
    inner.fault('routes.login, routes.callback and routes.logout must differ from one another')
  }
  checks.faults.push(...inner.faults.map((fault) => fault.replace("unknown option '", "unknown option 'routes.")))
  return routes
}
