/** Scope in Entra: each scope belongs to one API, and an access token is for one API. */
import type { Answer } from './answer.ts'
import { entraError } from './entra-error.ts'
import type { TestEntraApi } from './entra-options.ts'
import type { EntraAddress, EntraState } from './entra-state.ts'
import { graphAppId } from './entra-tokens.ts'
import type { Grant } from './state.ts'

/** Scopes of the login itself, which belong to no API. */
const loginScope: ReadonlySet<string> = new Set(['openid', 'profile', 'email', 'offline_access'])

export const graphApi: TestEntraApi = { appId: graphAppId, uri: 'https://graph.microsoft.com', version: 1 }

/** Splits a scope into the ID or URI of its API and a name. A scope without an API belongs to Microsoft Graph. */
function parts(scope: string): { resource: string; name: string } {
  const slash = scope.lastIndexOf('/')
  return slash < 0
    ? { resource: graphApi.uri, name: scope }
    : { resource: scope.slice(0, slash), name: scope.slice(slash + 1) }
}

function apiNamed({ settings }: EntraState, resource: string): TestEntraApi | undefined {
  return [...settings.apis, graphApi].find(({ appId, uri }) => appId === resource || uri === resource)
}

/** The API and the scope of an access token. */
export interface EntraTarget {
  readonly api: TestEntraApi
  /** The scope as in the token: without the API. */
  readonly names: readonly string[]
  /** The scope as in the response: it omits the scope of the login unless the API is Graph. */
  readonly scope: readonly string[]
}

function listConsentKeys(entra: EntraState, scope: readonly string[]): string[] {
  return scope.map((one) => {
    const { resource, name } = parts(one)
    return `${apiNamed(entra, resource)?.appId ?? resource}/${name}`
  })
}

/** Replaces all consents by one of an administrator for everyone. Later consents of users count as well. */
export function consentTo(entra: EntraState, scope: readonly string[]): void {
  entra.consents.clear()
  entra.consents.set('', new Set(listConsentKeys(entra, scope)))
}

/** Records the consent of the user, who is not asked for it again. */
export function rememberConsent(entra: EntraState, { session, clientId, scope }: Grant): void {
  const of = `${session.sub} ${clientId}`
  entra.consents.set(of, new Set([...(entra.consents.get(of) ?? []), ...listConsentKeys(entra, scope)]))
}

/** The scope that the user or an administrator has consented to. */
function listConsents({ consents }: EntraState, { session, clientId }: Grant): ReadonlySet<string> {
  return new Set(['', `${session.sub} ${clientId}`].flatMap((of) => [...(consents.get(of) ?? [])]))
}

/** The meaning of `.default`: every scope of the API that has consent. */
function defaultNames({ appId }: TestEntraApi, consents: ReadonlySet<string>): string[] {
  return [...consents].flatMap((key) => {
    const { resource, name } = parts(key)
    return resource === appId && name !== '.default' ? [name] : []
  })
}

/**
 * The only API of the requested scope, or of the login's scope if none is requested. Microsoft Graph if the scope names no
 * API.
 */
export function entraTarget(
  entra: EntraState,
  address: EntraAddress,
  grant: Grant,
  asked: readonly string[],
): EntraTarget | Answer {
  const scope = asked.length > 0 ? asked : grant.scope
  const apiScope = scope.filter((one) => !loginScope.has(one))
  const apis = new Map<string, TestEntraApi>()
  for (const { resource } of apiScope.map(parts)) {
    const api = apiNamed(entra, resource)
    if (api === undefined) {
      const description = `The resource principal named ${resource} was not found in the tenant named ${address.tenant}.`
      return entraError(entra, 400, 'invalid_resource', 500_011, description)
    }
    apis.set(api.appId, api)
  }
  if (apis.size > 1) {
    return asked.length > 0
      ? entraError(
          entra,
          400,
          'invalid_request',
          28_000,
          `The scope ${scope.join(' ')} belongs to more than one resource.`,
        )
      : entraError(
          entra,
          400,
          'invalid_request',
          28_003,
          'The scope must not be empty, because the login was for several resources.',
        )
  }
  const [api = graphApi] = apis.values()
  const named = apiScope.filter((one) => parts(one).name !== '.default')
  const isDefault = named.length < apiScope.length
  if (isDefault && named.length > 0) {
    return entraError(entra, 400, 'invalid_scope', 70_011, '.default cannot be combined with other scope.')
  }
  const consents = listConsents(entra, grant)
  const all = isDefault ? defaultNames(api, consents) : []
  if (!listConsentKeys(entra, named).every((key) => consents.has(key)) || (isDefault && all.length === 0)) {
    const description = `The user or administrator has not consented to use the application with ID '${grant.clientId}'.`
    return entraError(entra, 400, 'invalid_grant', 65_001, description, 'consent_required')
  }
  const said = api.appId === graphAppId ? scope : apiScope
  return {
    api,
    names: isDefault ? all : said.map((one) => parts(one).name),
    scope: [...all.map((name) => `${api.uri}/${name}`), ...said],
  }
}
