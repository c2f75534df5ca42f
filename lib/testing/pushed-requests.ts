import { randomBytes } from 'node:crypto'
import { type Answer, json, oauthError } from './answer.ts'
import { findFault, readAuthorizationRequest } from './authorization-request.ts'
import { authenticateClient } from './client-auth.ts'
import type { TestRequest } from './request.ts'
import { expired, type ProviderState, remember } from './state.ts'

const pushedSeconds = 60

/** RFC 9126: takes an authorization request and gives a reference to it. */
export function pushRequest(provider: ProviderState, request: TestRequest): Answer {
  const client = authenticateClient(provider, request)
  if (!('clientId' in client)) return client
  const parameters = new URLSearchParams(request.params)
  if (parameters.has('request_uri')) return oauthError(400, 'invalid_request', 'request_uri must not be pushed')
  parameters.delete('client_secret')
  parameters.set('client_id', client.clientId)
  const read = readAuthorizationRequest(provider, parameters)
  if (!('client' in read)) return oauthError(400, 'invalid_request', 'redirect_uri is missing or not registered')
  const fault = findFault(provider, read)
  if (fault !== undefined) return oauthError(400, fault.error, fault.description)
  const requestUri = `urn:ietf:params:oauth:request_uri:${randomBytes(16).toString('base64url')}`
  const expiresAt = provider.settings.now() + pushedSeconds * 1000
  remember(provider.pushed, requestUri, { parameters, clientId: client.clientId, expiresAt }, expired(provider))
  return json({ request_uri: requestUri, expires_in: pushedSeconds }, 201)
}
