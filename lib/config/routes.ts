import type { Checks } from './checks.ts'

/** Paths of the routes of an instance, relative to `baseUrl`. */
export interface Routes {
  readonly login: string
  readonly callback: string
  readonly logout: string
  readonly backchannelLogout: string
  readonly frontchannelLogout: string
}

/** The last word of each path, where the options do not say otherwise. */
const words: Readonly<Record<keyof Routes, string>> = {
  login: 'login',
  callback: 'callback',
  logout: 'logout',
  backchannelLogout: 'backchannel-logout',
  frontchannelLogout: 'frontchannel-logout',
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
  const names = Object.keys(words) as (keyof Routes)[]
  const routes = Object.fromEntries(names.map((route) => [route, `${prefix}/${words[route]}`])) as {
    -readonly [Route in keyof Routes]: string
  }
  const given = checks.value('routes')
  if (given === undefined) return routes
  checks.nested('routes', names, (inner) => readRoutes(inner, routes, names))
  return routes
}

function readRoutes(inner: Checks, routes: Record<keyof Routes, string>, names: readonly (keyof Routes)[]): void {
  for (const route of names) {
    const path = inner.value(route)
    if (path === undefined) continue
    // Only what means the same in Express 4 and 5, and no query: a redirect URI with one cannot be expressed (RFC 6749 3.1.2).
    if (typeof path === 'string' && /^(?:\/[A-Za-z0-9._~-]+)+$/.test(path)) routes[route] = path
    else
      inner.fault(
        `routes.${route} must be a plain path such as '/auth/${words[route]}', without patterns, query or a slash at its end`,
      )
  }
  // Express matches without regard to case.
  if (new Set(Object.values(routes).map((path) => path.toLowerCase())).size < names.length) {
    inner.fault(`${names.map((route) => `routes.${route}`).join(', ')} must differ from one another`)
  }
}
