import { randomBytes } from 'node:crypto'
import { type Answer, page, redirect } from './answer.ts'
import type { AuthorizationFault, AuthorizationRequest } from './authorization-request.ts'
import { applyChange } from './change.ts'
import type { TestResponseParameters } from './faults.ts'
import { hiddenField, htmlPage, escapeHtml } from './html.ts'
import { expired, isConsentedTo, getIssuer, type ProviderSession, type ProviderState, remember } from './state.ts'

const codeSeconds = 60

function pairs(parameters: TestResponseParameters): [string, string][] {
  return Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one): [string, string] => [name, one]),
  )
}

/** Adds parameters to a URI and leaves its existing query unchanged. */
export function withParameters(uri: string, parameters: TestResponseParameters): string {
  const query = new URLSearchParams(pairs(parameters)).toString()
  return query === '' ? uri : `${uri}${uri.includes('?') ? '&' : '?'}${query}`
}

/** A page that submits itself to the client, with a button for use without scripts (OAuth 2.0 Form Post Response Mode). */
function formPostPage(redirectUri: string, parameters: TestResponseParameters, headers: Answer['headers']): Answer {
  const nonce = randomBytes(12).toString('base64url')
  const html = htmlPage(
    'Back to the application',
    `<form method="post" action="${escapeHtml(redirectUri)}">
${pairs(parameters)
  .map(([name, value]) => hiddenField(name, value))
  .join('\n')}
<button type="submit">Continue</button>
</form>
<script nonce="${nonce}">document.forms[0].submit()</script>`,
  )
  return page(html, 200, headers, { nonce })
}

async function respond(
  provider: ProviderState,
  request: AuthorizationRequest,
  result: TestResponseParameters,
  headers: Answer['headers'],
): Promise<Answer> {
  let parameters: TestResponseParameters = {
    ...result,
    ...(request.state === null ? {} : { state: request.state }),
    // RFC 9207: the issuer, against mix-up attacks.
    iss: getIssuer(provider),
  }
  for (const change of provider.faults.changes('authorizationResponse')) {
    parameters = await applyChange(parameters, change)
  }
  if (request.responseMode === 'form_post') return formPostPage(request.redirectUri, parameters, headers)
  return redirect(withParameters(request.redirectUri, parameters), headers, 303)
}

export async function errorResponse(
  provider: ProviderState,
  request: AuthorizationRequest,
  { error, description }: { readonly error: string; readonly description: string | undefined } | AuthorizationFault,
): Promise<Answer> {
  return await respond(provider, request, { error, error_description: description }, {})
}

/** Sends the client an authorization code for the session's user. */
export async function codeResponse(
  provider: ProviderState,
  request: AuthorizationRequest,
  session: ProviderSession,
  headers: Answer['headers'],
): Promise<Answer> {
  // Base64 has characters that must be encoded in a URL. The codes of some providers have such characters too.
  const code = `code/${randomBytes(24).toString('base64')}+`
  const { client, resource, nonce, redirectUri, challenge } = request
  const scope = request.scope.filter((name) => isConsentedTo(provider, name))
  const { clientId } = client
  const { authTime, acr } = session
  session.clients.add(clientId)
  const grant = { session, clientId, scope, resource, nonce, authTime, acr, revoked: false }
  const expiresAt = provider.settings.now() + codeSeconds * 1000
  const entry = { grant, jkt: request.dpopJkt, redirectUri, challenge, expiresAt, used: false }
  remember(provider.codes, code, entry, expired(provider))
  return await respond(provider, request, { code, session_state: session.sid }, headers)
}
