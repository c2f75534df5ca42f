import { randomUUID } from 'node:crypto'
import { type Answer, page, redirect } from './answer.ts'
import { tellClients } from './backchannel.ts'
import { refusalPage } from './authorization-request.ts'
import { withParameters } from './authorization-response.ts'
import { applyChange } from './change.ts'
import { allowsUri, type TestClient } from './clients.ts'
import type { TestResponseParameters } from './faults.ts'
import { escapeHtml, hiddenField, htmlPage } from './html.ts'
import { clearedCookie, logOut, findSession } from './login.ts'
import type { TestRequest } from './request.ts'
import { getIssuer, type ProviderSession, type ProviderState } from './state.ts'

/** Asks the user to confirm the logout, because no `id_token_hint` names the session (OIDC RP-Initiated Logout 2). */
function confirmationPage(provider: ProviderState, params: URLSearchParams): Answer {
  const fields = [...params].map(([name, value]) => hiddenField(name, value))
  return page(
    htmlPage(
      'Do you want to log out?',
      `<form method="post" action="${escapeHtml(`${provider.settings.path}/logout`)}">
${fields.join('\n')}
<button type="submit" name="confirmed" value="yes">Log out</button>
</form>`,
    ),
  )
}

interface LogoutTarget {
  readonly client: TestClient | undefined
  readonly sid: unknown
}

/** The client and session of the request, or the reason to refuse it. */
async function findLogoutTarget(provider: ProviderState, params: URLSearchParams): Promise<LogoutTarget | string> {
  const hint = params.get('id_token_hint')
  const claims = hint === null ? undefined : await provider.keys.verify(hint)
  if (hint !== null && claims === undefined) return 'This provider did not issue the id_token_hint.'
  const clientId = params.get('client_id')
  const audience = claims === undefined ? undefined : [claims.aud].flat()
  if (clientId !== null && audience?.includes(clientId) === false)
    return 'The client_id is not the client of the id_token_hint.'
  return { client: provider.settings.clients.get(clientId ?? String(audience?.[0])), sid: claims?.sid }
}

/** The front-channel logout URIs of a session's clients (OIDC Front-Channel Logout 1.0 section 3). */
function listFrames(provider: ProviderState, { clients, sid }: ProviderSession): string[] {
  const uris = [...clients].map((id) => provider.settings.clients.get(id)?.frontchannelLogoutUri)
  return uris.flatMap((uri) => (uri === undefined ? [] : [withParameters(uri, { iss: getIssuer(provider), sid })]))
}

/** A page that continues to `back` once its frames have loaded. */
function framingPage(frames: readonly string[], back: string, headers: Answer['headers']): Answer {
  const nonce = randomUUID()
  const framed = frames.map((uri) => `<iframe src="${escapeHtml(uri)}" hidden></iframe>`)
  const script = `addEventListener('load', () => location.replace(document.getElementById('continue').href))`
  return page(
    htmlPage(
      'You are logged out',
      `${framed.join('\n')}
<p><a id="continue" href="${escapeHtml(back)}">Continue</a></p>
<script nonce="${nonce}">${script}</script>`,
    ),
    200,
    headers,
    { nonce, frames },
  )
}

/** The end-session endpoint (OIDC RP-Initiated Logout 1.0). */
export async function endSession(provider: ProviderState, request: TestRequest): Promise<Answer> {
  const { params } = request
  const target = await findLogoutTarget(provider, params)
  if (typeof target === 'string') return refusalPage(target)
  const uri = params.get('post_logout_redirect_uri')
  if (uri !== null && (target.client === undefined || !allowsUri(target.client.postLogoutRedirectUris, uri))) {
    return refusalPage(`The post_logout_redirect_uri "${uri}" is not registered.`)
  }
  const inBrowser = findSession(provider, request)
  if (target.sid === undefined && inBrowser !== undefined && !params.has('confirmed')) {
    return confirmationPage(provider, params)
  }
  const ended = [...provider.sessions.values()].filter((session) =>
    target.sid === undefined ? session === inBrowser : session.sid === target.sid,
  )
  for (const session of ended) logOut(provider, session)
  await Promise.all(ended.map((session) => tellClients(provider, session)))
  const headers = inBrowser?.ended ? clearedCookie(provider) : {}
  if (uri === null) return page(htmlPage('You are logged out', '<p>You can close this page.</p>'), 200, headers)
  const state = params.get('state')
  let parameters: TestResponseParameters = state === null ? {} : { state }
  for (const change of provider.faults.changes('logoutResponse')) parameters = await applyChange(parameters, change)
  const back = withParameters(uri, parameters)
  const frames = ended.flatMap((session) => listFrames(provider, session))
  return frames.length > 0 ? framingPage(frames, back, headers) : redirect(back, headers, 303)
}
