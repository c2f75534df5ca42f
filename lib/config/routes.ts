import type { Checks } from './checks.ts'

/** Paths of the routes of an instance, relative to `baseUrl`. */
export interface Routes {
  readonly login: string
  readonly callback: string
  readonly logout: string
  readonly backchannelLogout: string
  readonly frontchannelLogout: string
}

/** Last segment of each default path. */
const words: Readonly<Record<keyof Routes, string>> = {
  login: 'login',
  callback: 'callback',
  logout: 'logout',
  backchannelLogout: 'backchannel-logout',
  frontchannelLogout: 'frontchannel-logout',
}

/** Returns the name of an instance; `default` if it is missing or invalid. */
export function readName(checks: Checks): string {
  const name = checks.string('name', 'a short word, such as the name of the provider')
  if (name === undefined) return 'default'
  if (/^[a-z][a-z0-9-]{0,31}$/i.test(name)) {
    if (name !== 'default') return name
    checks.fault("`name` 'default' is reserved for an instance without a name; pass another name or remove the option")
  } else {
    checks.fault('`name` must have at most 32 letters, digits and hyphens, and begin with a letter')
  }
  return 'default'
}

export function readRoutes(checks: Checks, name: string): Routes {
  const prefix = name === 'default' ? '' : `/${name}`
  const names = Object.keys(words) as (keyof Routes)[]
  const routes = Object.fromEntries(names.map((route) => [route, `${prefix}/${words[route]}`])) as {
    -readonly [Route in keyof Routes]: string
  }
  const given = checks.value('routes')
  if (given === undefined) return routes
  checks.nested('routes', names, (inner) => overwriteRoutes(inner, routes, names))
  return routes
}

function overwriteRoutes(inner: Checks, routes: Record<keyof Routes, string>, names: readonly (keyof Routes)[]): void {
  for (const route of names) {
    const path = inner.value(route)
    if (path === undefined) continue
    // Patterns differ between Express 4 and 5, and a route cannot match the query of a redirect URI.
    if (typeof path === 'string' && /^(?:\/[A-Za-z0-9._~-]+)+$/.test(path)) routes[route] = path
    else
      inner.fault(
        `\`${route}\` must be a plain path such as '/auth/${words[route]}', without patterns, query or trailing slash`,
      )
  }
  // Express ignores the case of paths.
  if (new Set(Object.values(routes).map((path) => path.toLowerCase())).size < names.length) {
    inner.fault('two of the `routes` have the same path; give each route its own path')
  }
}
