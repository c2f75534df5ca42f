import { type Answer, oauthError } from './answer.ts'
import type { Grant, ProviderState } from './state.ts'

/** The first resource that is unknown, or not an absolute URI without a fragment (RFC 8707 section 2). */
export function wrongResource({ settings }: ProviderState, resource: readonly string[]): string | undefined {
  const isKnown = (uri: string): boolean => settings.resources === undefined || settings.resources.includes(uri)
  return resource.find((uri) => !URL.canParse(uri) || uri.includes('#') || !isKnown(uri))
}

/** The resources of an access token: the requested ones, which must be granted, or all granted (RFC 8707 section 2.2). */
export function resourcesFor(
  provider: ProviderState,
  params: URLSearchParams,
  grant: Grant,
): readonly string[] | Answer {
  const resource = params.getAll('resource')
  if (resource.length === 0) return grant.resource
  const wrong = wrongResource(provider, resource)
  if (wrong !== undefined) return oauthError(400, 'invalid_target', `resource "${wrong}" is unknown`)
  const isGranted = grant.resource.length === 0 || resource.every((uri) => grant.resource.includes(uri))
  return isGranted ? resource : oauthError(400, 'invalid_target', 'the resource was not granted')
}
