import { randomBytes, randomUUID } from 'node:crypto'
import { type Answer, page } from './answer.ts'
import type { AuthorizationRequest } from './authorization-request.ts'
import { escapeHtml, hiddenField, htmlPage } from './html.ts'
import type { TestRequest } from './request.ts'
import { expired, isUsable, type ProviderSession, type ProviderState, remember, seconds } from './state.ts'
import { displayName, type TestUser } from './users.ts'

const loginPageSeconds = 3600

/** Cookies ignore ports, so the name contains the port to separate providers on one host. */
function cookieName(provider: ProviderState): string {
  return `test-provider-session-${new URL(provider.origin).port}`
}

/** The session of the browser that sent the request, if it is usable. */
export function findSession(provider: ProviderState, request: TestRequest): ProviderSession | undefined {
  const start = `${cookieName(provider)}=`
  for (const cookie of (request.headers.cookie ?? '').split(/[;,] */)) {
    const session = cookie.startsWith(start) ? provider.sessions.get(cookie.slice(start.length)) : undefined
    if (session !== undefined && isUsable(provider, session)) return session
  }
  return undefined
}

/** Renews or creates the session of a user who has authenticated in this browser, and returns it with its cookie. */
export function logIn(
  provider: ProviderState,
  user: TestUser,
  before: ProviderSession | undefined,
  acrValues: readonly string[],
): { session: ProviderSession; headers: Answer['headers'] } {
  const { settings } = provider
  const acr = acrValues.find((value) => user.acrValues?.includes(value) ?? true)
  if (before?.sub === user.sub) {
    before.authTime = seconds(provider)
    before.acr = acr ?? before.acr
    return { session: before, headers: {} }
  }
  const session: ProviderSession = {
    id: randomBytes(24).toString('base64url'),
    sid: settings.sid?.() ?? randomUUID(),
    sub: user.sub,
    authTime: seconds(provider),
    acr: acr ?? '1',
    clients: new Set(),
    ended: false,
  }
  provider.sessions.set(session.id, session)
  const cookie = `${cookieName(provider)}=${session.id}; Path=${settings.path || '/'}; HttpOnly; SameSite=Lax`
  return { session, headers: { 'set-cookie': cookie } }
}

export function logOut(provider: ProviderState, session: ProviderSession): void {
  session.ended = true
  provider.sessions.delete(session.id)
}

/** The header that removes the session cookie from the browser. */
export function clearedCookie(provider: ProviderState): Answer['headers'] {
  return { 'set-cookie': `${cookieName(provider)}=; Path=${provider.settings.path || '/'}; HttpOnly; Max-Age=0` }
}

/** The page on which the user logs in, or, with `known`, consents. */
export function loginPage(
  provider: ProviderState,
  request: AuthorizationRequest,
  users: readonly TestUser[],
  known: boolean,
  message?: string,
): Answer {
  const id = randomUUID()
  const waiting = {
    parameters: request.parameters,
    clientId: request.client.clientId,
    expiresAt: provider.settings.now() + loginPageSeconds * 1000,
  }
  remember(provider.atLoginPage, id, waiting, expired(provider))
  const client = escapeHtml(request.client.clientId)
  const scope = escapeHtml(request.scope.join(', '))
  const buttons = users.map((user) => {
    const label = known ? `Allow, as ${displayName(user)}` : displayName(user)
    return `<button type="submit" name="user" value="${escapeHtml(user.sub)}">${escapeHtml(label)}</button>`
  })
  const html = htmlPage(
    known ? 'Do you agree?' : 'Who are you?',
    `${message === undefined ? '' : `<p role="alert" class="alert">${escapeHtml(message)}</p>\n`}<p>The application <strong>${client}</strong> requests: ${scope}.</p>
<form method="post" action="${escapeHtml(`${provider.settings.path}/login`)}">
${hiddenField('request', id)}
${buttons.join('\n')}
<button type="submit" name="cancel" value="cancel">Cancel</button>
</form>`,
  )
  return page(html, message === undefined ? 200 : 403)
}
