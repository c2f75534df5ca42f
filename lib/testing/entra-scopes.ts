/** What scope means at Entra: each belongs to one API, and a token is for one API. */
import type { Answer } from './answer.ts'
import { entraError } from './entra-error.ts'
import type { TestEntraApi } from './entra-options.ts'
import type { EntraAddress, EntraState } from './entra-state.ts'
import { graphAppId } from './entra-tokens.ts'
import type { Grant } from './state.ts'

/** Scope of the login itself, which is no API's. */
const loginScope: ReadonlySet<string> = new Set(['openid', 'profile', 'email', 'offline_access'])

export const graphApi: TestEntraApi = { appId: graphAppId, uri: 'https://graph.microsoft.com', version: 1 }

/** The API that a scope names, by ID or URI, and what follows. One without either is of Microsoft Graph. */
function parts(scope: string): { resource: string; name: string } {
  const slash = scope.lastIndexOf('/')
  return slash < 0
    ? { resource: graphApi.uri, name: scope }
    : { resource: scope.slice(0, slash), name: scope.slice(slash + 1) }
}

function apiNamed({ settings }: EntraState, resource: string): TestEntraApi | undefined {
  return [...settings.apis, graphApi].find(({ appId, uri }) => appId === resource || uri === resource)
}

/** What an access token is to be for. */
export interface EntraTarget {
  readonly api: TestEntraApi
  /** As in the token: without the name of the API. */
  readonly names: readonly string[]
  /** As the response says it: of another API than Graph without the scope of the login. */
  readonly scope: readonly string[]
}

function keysOf(entra: EntraState, scope: readonly string[]): string[] {
  return scope.map((one) => {
    const { resource, name } = parts(one)
    return `${apiNamed(entra, resource)?.appId ?? resource}/${name}`
  })
}

/** An administrator consents to this for everyone, and users to what they are asked for from now on. */
export function consentTo(entra: EntraState, scope: readonly string[]): void {
  entra.consents.clear()
  entra.consents.set('', new Set(keysOf(entra, scope)))
}

/** What users consent to once, they are not asked for again. */
export function rememberConsent(entra: EntraState, { session, clientId, scope }: Grant): void {
  const of = `${session.sub} ${clientId}`
  entra.consents.set(of, new Set([...(entra.consents.get(of) ?? []), ...keysOf(entra, scope)]))
}

/** All that there is consent to, by the user or by an administrator. */
function consentsOf({ consents }: EntraState, { session, clientId }: Grant): ReadonlySet<string> {
  return new Set(['', `${session.sub} ${clientId}`].flatMap((of) => [...(consents.get(of) ?? [])]))
}

/** What `.default` stands for: all scope of the API that there is consent to. */
function defaultNames({ appId }: TestEntraApi, consents: ReadonlySet<string>): string[] {
  return [...consents].flatMap((key) => {
    const { resource, name } = parts(key)
    return resource === appId && name !== '.default' ? [name] : []
  })
}

/** The one API whose scope is asked for; where none is, that of the login, or Microsoft Graph. */
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
      ? entraError(entra, 400, 'invalid_request', 28_000, `The scope ${scope.join(' ')} is of more than one resource.`)
      : entraError(entra, 400, 'invalid_request', 28_003, 'The scope must not be empty: the login was for several.')
  }
  const [api = graphApi] = apis.values()
  const named = apiScope.filter((one) => parts(one).name !== '.default')
  const isDefault = named.length < apiScope.length
  if (isDefault && named.length > 0) {
    return entraError(entra, 400, 'invalid_scope', 70_011, '.default stands for all scope and goes with no other.')
  }
  const consents = consentsOf(entra, grant)
  const all = isDefault ? defaultNames(api, consents) : []
  if (!keysOf(entra, named).every((key) => consents.has(key)) || (isDefault && all.length === 0)) {
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
