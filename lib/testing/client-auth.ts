import { type Answer, oauthError } from './answer.ts'
import type { TestClient } from './clients.ts'
import type { TestRequest } from './request.ts'
import type { ProviderState } from './state.ts'

/** Clients form-urlencode the identifier and the secret before they put them into the header (RFC 6749 section 2.3.1). */
function formDecode(text: string): string {
  return new URLSearchParams(`x=${text.replaceAll('&', '%26')}`).get('x') ?? ''
}

function basicCredentials(header: string): { id: string; secret: string } | undefined {
  const encoded = /^basic +([\w+/=-]+)$/i.exec(header)?.[1]
  const decoded = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString()
  const colon = decoded.indexOf(':')
  if (colon < 0) return undefined
  return { id: formDecode(decoded.slice(0, colon)), secret: formDecode(decoded.slice(colon + 1)) }
}

function refuse(description: string): Answer {
  return oauthError(401, 'invalid_client', description, { 'www-authenticate': 'Basic realm="test provider"' })
}

/** Returns the client that sent the request, or an error response (RFC 6749 sections 2.3 and 5.2). */
export function authenticateClient(provider: ProviderState, { headers, params }: TestRequest): TestClient | Answer {
  const basic = headers.authorization === undefined ? undefined : basicCredentials(headers.authorization)
  if (headers.authorization !== undefined && basic === undefined) return refuse('the Authorization header is malformed')
  const posted = params.get('client_secret')
  if (basic !== undefined && posted !== null) {
    return oauthError(400, 'invalid_request', 'the request has more than one client authentication')
  }
  const clientId = basic?.id ?? params.get('client_id') ?? ''
  if ((params.get('client_id') ?? clientId) !== clientId)
    return refuse('client_id differs from the Authorization header')
  const client = provider.settings.clients.get(clientId)
  if (client === undefined) return refuse(`the client "${clientId}" is unknown`)
  const secret = basic?.secret ?? posted ?? undefined
  if (secret !== client.clientSecret) return refuse('the client credentials are invalid')
  const method = basic === undefined ? 'client_secret_post' : 'client_secret_basic'
  if (client.authMethod !== undefined && client.authMethod !== method) {
    return refuse(`the client must authenticate with ${client.authMethod}`)
  }
  return client
}
