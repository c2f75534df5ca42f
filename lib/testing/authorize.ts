import type { Answer } from './answer.ts'
import { type AuthorizationRequest, findFault, readAuthorizationRequest, refusalPage } from './authorization-request.ts'
import { codeResponse, errorResponse } from './authorization-response.ts'
import { loginPage, logIn, findSession } from './login.ts'
import type { TestRequest } from './request.ts'
import { type ProviderSession, type ProviderState, seconds } from './state.ts'
import { type TestUser, userByHint } from './users.ts'

type Refusal = { readonly error: string; readonly description: string | undefined }

const disabled: Refusal = { error: 'access_denied', description: 'the account is disabled' }

/** The parameters of the request, or those that the client pushed. A `request_uri` works once (RFC 9126). */
function readParameters(provider: ProviderState, params: URLSearchParams): URLSearchParams | Answer {
  const requestUri = params.get('request_uri')
  if (requestUri === null) {
    return provider.settings.pushedRequests === 'required'
      ? refusalPage('Authorization requests must be pushed.')
      : params
  }
  const pushed = provider.pushed.get(requestUri)
  provider.pushed.delete(requestUri)
  if (pushed === undefined || pushed.expiresAt < provider.settings.now()) {
    return refusalPage('The request_uri is unknown, already used or expired.')
  }
  return pushed.clientId === params.get('client_id')
    ? pushed.parameters
    : refusalPage('The request_uri belongs to another client.')
}

/** Whether the user must authenticate again despite an existing session. */
function needsLogin(
  provider: ProviderState,
  request: AuthorizationRequest,
  session: ProviderSession,
  wanted: string | undefined,
): boolean {
  const { prompt, maxAge, acrValues } = request
  return (
    prompt.has('login') ||
    prompt.has('select_account') ||
    (maxAge !== undefined && (maxAge === 0 || seconds(provider) - session.authTime > maxAge)) ||
    (wanted !== undefined && wanted !== session.sub) ||
    (acrValues.length > 0 && !acrValues.includes(session.acr))
  )
}

/** The `sub` of the user that the client expects, from `id_token_hint` or `login_hint`. */
async function wantedUser(provider: ProviderState, request: AuthorizationRequest): Promise<string | undefined> {
  const hint = request.idTokenHint === null ? undefined : await provider.keys.verify(request.idTokenHint)
  return typeof hint?.sub === 'string' ? hint.sub : userByHint(provider.settings.users, request.loginHint)?.sub
}

async function enter(
  provider: ProviderState,
  request: AuthorizationRequest,
  user: TestUser,
  before: ProviderSession | undefined,
): Promise<Answer> {
  const { session, headers } = logIn(provider, user, before, request.acrValues)
  return await codeResponse(provider, request, session, headers)
}

/** The authorization endpoint (OIDC Core 3.1.2). */
export async function authorize(provider: ProviderState, incoming: TestRequest): Promise<Answer> {
  const parameters = readParameters(provider, incoming.params)
  if (!(parameters instanceof URLSearchParams)) return parameters
  const request = readAuthorizationRequest(provider, parameters)
  if (!('client' in request)) return request
  const fault = findFault(provider, request)
  if (fault !== undefined) return await errorResponse(provider, request, fault)
  const denial = provider.denials.shift()
  if (denial !== undefined) return await errorResponse(provider, request, denial)

  const { users } = provider.settings
  const session = findSession(provider, incoming)
  const wanted = await wantedUser(provider, request)
  const atKeyboard = provider.keyboard
  if (session !== undefined && !needsLogin(provider, request, session, wanted)) {
    const user = users.get(session.sub)
    const asks = request.prompt.has('consent') && atKeyboard === undefined
    if (asks && user !== undefined) return loginPage(provider, request, [user], true)
    return await codeResponse(provider, request, session, {})
  }
  if (request.prompt.has('none')) {
    return await errorResponse(provider, request, { error: 'login_required', description: 'nobody is logged in' })
  }
  const user = users.get(wanted ?? atKeyboard ?? '')
  if (atKeyboard === undefined || user === undefined) {
    return loginPage(provider, request, user === undefined ? [...users.values()] : [user], false)
  }
  if (provider.disabled.has(user.sub)) return await errorResponse(provider, request, disabled)
  return await enter(provider, request, user, session)
}

/** Handles the form of the login page. */
export async function login(provider: ProviderState, incoming: TestRequest): Promise<Answer> {
  const id = incoming.params.get('request') ?? ''
  const waiting = provider.atLoginPage.get(id)
  if (waiting === undefined || waiting.expiresAt < provider.settings.now()) {
    return refusalPage('This login is unknown, expired or already completed. Start again from the application.')
  }
  const request = readAuthorizationRequest(provider, waiting.parameters)
  if (!('client' in request)) return request
  const user = provider.settings.users.get(incoming.params.get('user') ?? '')
  if (user !== undefined && provider.disabled.has(user.sub)) {
    return loginPage(provider, request, [...provider.settings.users.values()], false, 'This account is disabled.')
  }
  provider.atLoginPage.delete(id)
  if (user === undefined) {
    return await errorResponse(provider, request, {
      error: 'access_denied',
      description: 'the user canceled the login',
    })
  }
  const session = findSession(provider, incoming)
  if (session?.sub === user.sub && !needsLogin(provider, request, session, undefined)) {
    return await codeResponse(provider, request, session, {})
  }
  return await enter(provider, request, user, session)
}
