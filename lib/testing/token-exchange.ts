import { type Answer, json, oauthError } from './answer.ts'
import { words } from './authorization-request.ts'
import type { TestClient } from './clients.ts'
import { type AccessToken, activeToken, isConsentedTo, type ProviderState } from './state.ts'
import { wrongResource } from './targets.ts'
import { accessTokenType, tokenExchange, tokenResponse } from './tokens.ts'

function invalidRequest(description: string): Answer {
  return oauthError(400, 'invalid_request', description)
}

/** The subject token: an access token issued to this client, or with this client as audience (RFC 8693 section 2.1). */
function findSubject(
  provider: ProviderState,
  client: TestClient,
  params: URLSearchParams,
  jkt: string | undefined,
): AccessToken | Answer {
  if (params.get('subject_token_type') !== accessTokenType) {
    return invalidRequest(`subject_token_type must be ${accessTokenType}`)
  }
  if (params.has('actor_token')) return invalidRequest('actor_token is not supported')
  const token = activeToken(provider, params.get('subject_token') ?? '')
  if (token === undefined) return invalidRequest('the subject_token is not active')
  if (token.jkt !== undefined && token.jkt !== jkt) return invalidRequest('the subject_token is bound to another key')
  const isMeant = token.grant.clientId === client.clientId || [token.audience].flat().includes(client.clientId)
  return isMeant ? token : invalidRequest('the subject_token was issued neither to this client nor for it')
}

/** The requested APIs, by name (`audience`) or URI (`resource`, RFC 8707); undefined if one is unknown. */
function findTargets(provider: ProviderState, params: URLSearchParams): readonly string[] | undefined {
  const { resources, clients } = provider.settings
  const audience = params.getAll('audience')
  const resource = params.getAll('resource')
  const isKnown = (name: string): boolean => resources === undefined || resources.includes(name) || clients.has(name)
  return audience.every(isKnown) && wrongResource(provider, resource) === undefined
    ? [...audience, ...resource]
    : undefined
}

/** Exchanges an access token for one for another API (RFC 8693). */
export async function exchangeToken(
  provider: ProviderState,
  client: TestClient,
  params: URLSearchParams,
  jkt: string | undefined,
): Promise<Answer> {
  if (!(client.tokenExchange ?? client.clientSecret !== undefined)) {
    return oauthError(400, 'unauthorized_client', 'the client is not allowed to exchange tokens')
  }
  const subject = findSubject(provider, client, params, jkt)
  if ('status' in subject) return subject
  if ((params.get('requested_token_type') ?? accessTokenType) !== accessTokenType) {
    return invalidRequest(`requested_token_type must be ${accessTokenType}`)
  }
  const targets = findTargets(provider, params)
  if (targets === undefined) return oauthError(400, 'invalid_target', 'the audience or resource is unknown')
  const wanted = words(params.get('scope'))
  const { scopes } = provider.settings
  const refused = wanted.find((name) => scopes?.includes(name) === false || !isConsentedTo(provider, name))
  if (refused !== undefined) return oauthError(400, 'invalid_scope', `scope "${refused}" is not available`)
  const scope = wanted.length === 0 ? subject.scope : wanted
  // A different client can revoke its own token only. The token still ends with the user's session.
  const { clientId } = client
  const grant = subject.grant.clientId === clientId ? subject.grant : { ...subject.grant, clientId }
  return json(await tokenResponse(provider, grant, { scope, resource: targets, jkt }, tokenExchange))
}
