import type { Request } from 'express'
import type { Instance } from '../../logins/instance.ts'
import { type RequestState } from './request-state.ts'
import { setupInvalid } from '../../core/errors.ts'

/**
 * Records that a request has passed the router of an instance, and throws if the setup cannot work. The path of `baseUrl`
 * must end with the mount path of the router; a proxy has removed the part before it.
 */
export function passRouter(instance: Instance, req: Request, state: RequestState): void {
  if (state.instances.has(instance)) return
  const { basePath, routes, name } = instance.options
  const mount = req.baseUrl
  if (!basePath.toLowerCase().endsWith(mount.toLowerCase())) {
    throw setupInvalid(
      `the router is mounted at ${mount}, but \`baseUrl\` has the path ${basePath || '/'}; mount it at that path, or set \`baseUrl\` to ${instance.options.origin}${mount}`,
    )
  }
  const stripped = basePath.slice(0, basePath.length - mount.length)
  const path = req.path.toLowerCase()
  if (stripped !== '' && Object.values(routes).some((route) => path === `${stripped}${route}`.toLowerCase())) {
    throw setupInvalid(
      `the path of a request begins with ${stripped}, but the router is mounted at ${mount || '/'}; mount it with \`app.use('${basePath}', oidc.router)\``,
    )
  }
  for (const other of state.instances.keys()) refuseClash(instance, other, name)
  state.instances.set(instance, { stripped })
}

function refuseClash(instance: Instance, other: Instance, name: string): void {
  if (other.options.name === name) {
    throw setupInvalid(
      `two instances have the name '${name}'; give each its own, such as \`createOidc({ name: 'staff' })\``,
    )
  }
  const otherPaths = listPaths(other)
  const clash = listPaths(instance).find((path) => otherPaths.includes(path))
  if (clash !== undefined) {
    throw setupInvalid(
      `the instances '${other.options.name}' and '${name}' both use the path ${clash}; give one of them other \`routes\``,
    )
  }
}

function listPaths(instance: Instance): string[] {
  const { basePath, routes } = instance.options
  return Object.values(routes).map((route) => (basePath + route).toLowerCase())
}
