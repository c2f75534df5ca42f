import { randomBytes } from 'node:crypto'
import { type Answer, json, oauthError } from './answer.ts'
import { findFault, readAuthorizationRequest } from './authorization-request.ts'
import { authenticateClient } from './client-auth.ts'
import { withProof } from './dpop.ts'
import type { TestRequest } from './request.ts'
import { expired, type ProviderState, remember } from './state.ts'

const pushedSeconds = 60

function answerPushedRequest(provider: ProviderState, request: TestRequest, jkt: string | undefined): Answer {
  const client = authenticateClient(provider, request)
  if (!('clientId' in client)) return client
  const parameters = new URLSearchParams(request.params)
  if (parameters.has('request_uri')) return oauthError(400, 'invalid_request', 'request_uri must not be pushed')
  parameters.delete('client_secret')
  parameters.set('client_id', client.clientId)
  // RFC 9449 section 10.1: a proof has the same effect as dpop_jkt.
  if (jkt !== undefined) {
    if ((parameters.get('dpop_jkt') ?? jkt) !== jkt) {
      return oauthError(400, 'invalid_request', 'dpop_jkt does not match the key of the proof')
    }
    parameters.set('dpop_jkt', jkt)
  }
  const read = readAuthorizationRequest(provider, parameters)
  if (!('client' in read)) return oauthError(400, 'invalid_request', 'redirect_uri is missing or not registered')
  const fault = findFault(provider, read)
  if (fault !== undefined) return oauthError(400, fault.error, fault.description)
  const requestUri = `urn:ietf:params:oauth:request_uri:${randomBytes(16).toString('base64url')}`
  const expiresAt = provider.settings.now() + pushedSeconds * 1000
  remember(provider.pushed, requestUri, { parameters, clientId: client.clientId, expiresAt }, expired(provider))
  return json({ request_uri: requestUri, expires_in: pushedSeconds }, 201)
}

/** Stores an authorization request and returns a reference to it (RFC 9126). */
export async function pushRequest(provider: ProviderState, request: TestRequest): Promise<Answer> {
  return await withProof(provider, request, (jkt) => answerPushedRequest(provider, request, jkt))
}
