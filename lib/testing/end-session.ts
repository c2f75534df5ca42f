import { type Answer, page, redirect } from './answer.ts'
import { refusalPage } from './authorization-request.ts'
import { withParameters } from './authorization-response.ts'
import { applyChange } from './change.ts'
import { allowsUri, type TestClient } from './clients.ts'
import type { ResponseParameters } from './faults.ts'
import { escapeHtml, hiddenField, htmlPage } from './html.ts'
import { clearedCookie, logOut, sessionOf } from './login.ts'
import type { TestRequest } from './request.ts'
import type { ProviderState } from './state.ts'

/** OIDC RP-Initiated Logout 2: without a hint from the client it is for the user to say whether they meant it. */
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

/** Which client and session it is about, or why the request is refused. */
async function targetOf(provider: ProviderState, params: URLSearchParams): Promise<LogoutTarget | string> {
  const hint = params.get('id_token_hint')
  const claims = hint === null ? undefined : await provider.keys.verify(hint)
  if (hint !== null && claims === undefined) return 'The id_token_hint is not a token of this provider.'
  const clientId = params.get('client_id')
  const audience = claims === undefined ? undefined : [claims.aud].flat()
  if (clientId !== null && audience?.includes(clientId) === false) return 'client_id and id_token_hint disagree.'
  return { client: provider.settings.clients.get(clientId ?? String(audience?.[0])), sid: claims?.sid }
}

/** OIDC RP-Initiated Logout 1.0. */
export async function endSession(provider: ProviderState, request: TestRequest): Promise<Answer> {
  const { params } = request
  const target = await targetOf(provider, params)
  if (typeof target === 'string') return refusalPage(target)
  const uri = params.get('post_logout_redirect_uri')
  if (uri !== null && (target.client === undefined || !allowsUri(target.client.postLogoutRedirectUris, uri))) {
    return refusalPage(`The post_logout_redirect_uri "${uri}" is not registered.`)
  }
  const inBrowser = sessionOf(provider, request)
  if (target.sid === undefined && inBrowser !== undefined && !params.has('confirmed')) {
    return confirmationPage(provider, params)
  }
  for (const session of provider.sessions.values()) {
    if (session.sid === target.sid || (target.sid === undefined && session === inBrowser)) logOut(provider, session)
  }
  const headers = inBrowser?.ended ? clearedCookie(provider) : {}
  if (uri === null) return page(htmlPage('You are logged out', '<p>You can close this page.</p>'), 200, headers)
  const state = params.get('state')
  let parameters: ResponseParameters = state === null ? {} : { state }
  for (const change of provider.faults.changes('logoutResponse')) parameters = await applyChange(parameters, change)
  return redirect(withParameters(uri, parameters), headers, 303)
}
