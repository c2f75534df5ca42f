import { fail, LoginNeeded, type OidcLoginNeeds } from '../../core/errors.ts'
import { parseJson } from '../../core/json.ts'
import { isSecureUrl, parseUrl } from '../../core/urls.ts'
import type { Instance } from '../../logins/instance.ts'
import type { Challenge, PresentedToken, ResourceAnswer } from '../../provider/protected-resource.ts'
import { hasReturnedLate, lateReason, wasRequestedRecently } from '../../session/step-up-history.ts'
import type { LoginEntry } from '../../store/login-entry.ts'
import { parseScope } from '../../core/scope.ts'
import { callFollowing, isRepeatable } from './follow-redirects.ts'

/** The login for which an API is called. */
export interface UserFetch {
  readonly instance: Instance
  readonly entry: LoginEntry
  /** Returns the access token, but never `rejected`. */
  readonly token: (rejected?: string) => Promise<PresentedToken>
}

/**
 * Calls an API with the access token of a login. If the API rejects the token (RFC 6750, section 3.1), the token is
 * refreshed and the call repeated once.
 *
 * @throws OidcError `destination_refused`; {@link LoginNeeded} if the API's challenge requires a step-up (RFC 6750, section
 * 3.1; RFC 9470, section 3)
 */
export async function fetchAsUser(
  { instance, entry, token }: UserFetch,
  destination: string | URL,
  init: RequestInit,
): Promise<Response> {
  const url = requirePermittedUrl(instance, destination)
  const permit = (target: URL): void => requireRedirectPermitted(instance, url, target)
  const answer = await callOrRepeat(token, url, init, permit)
  const needs = findNeeds(answer, entry)
  if (!needs) return answer.response
  await answer.response.body?.cancel()
  const { scope, parameters } = needs
  const maxAge = parameters['max_age']
  const isLate = maxAge !== undefined && hasReturnedLate(entry, Number(maxAge))
  const reason = `${url.origin} returned ${answer.response.status}: ${JSON.stringify(answer.challenges.map(readError))}`
  throw new LoginNeeded(scope.length > 0 ? 'not_allowed' : 'authentication_insufficient', {
    scope,
    // The provider may consider an authentication recent that is too old here. It never does so for `max_age=0`.
    parameters: isLate ? { ...parameters, max_age: '0' } : parameters,
    provider: instance.options.name,
    owner: instance.owner,
    detail: isLate ? `${reason}; ${lateReason}` : reason,
    isRepeat: wasRequestedRecently(entry, needs),
    isLate,
  })
}

/** Calls an API, and repeats the call once with a refreshed token if the API rejects the first token. */
async function callOrRepeat(
  token: UserFetch['token'],
  url: URL,
  init: RequestInit,
  permit: (target: URL) => void,
): Promise<ResourceAnswer> {
  const first = await token()
  const answer = await callFollowing({ url, init, token: first }, permit)
  if (!isTokenRefused(answer) || !isRepeatable(init.body)) return answer
  const second = await replaceToken(token, first)
  if (!second) return answer
  await answer.response.body?.cancel()
  return callFollowing({ url, init, token: second }, permit)
}

/** Only the application decides where tokens are sent, so that no request can redirect them. */
function requirePermittedUrl(instance: Instance, destination: string | URL): URL {
  const url = parseUrl(String(destination))
  const fault = url ? findUrlFault(instance, url) : 'which is not absolute; pass an absolute URL'
  if (url && fault === undefined) return url
  throw fail('destination_refused', `\`req.oidc.fetch()\` was called for ${url?.origin ?? 'a URL'}, ${fault}`)
}

/** A redirect may send the request's body and headers, so only the application decides where redirects lead, too. */
function requireRedirectPermitted(instance: Instance, from: URL, target: URL): void {
  const fault = findUrlFault(instance, target)
  if (fault === undefined) return
  throw fail(
    'destination_refused',
    `a call of ${from.origin} by \`req.oidc.fetch()\` was redirected to ${target.origin}, ${fault}, or pass \`redirect: 'manual'\``,
  )
}

/** Returns why a URL may not be called, with the fix; undefined if it may. */
function findUrlFault({ options }: Instance, url: URL): string | undefined {
  if (url.username || url.password) return 'with a user name or a password; remove them from the URL'
  if (options.fetchOrigins.includes(url.origin) && isSecureUrl(url.href, false)) return undefined
  return `which \`fetchOrigins\` does not list; add '${url.origin}' to it`
}

function isTokenRefused({ response, challenges }: ResourceAnswer): boolean {
  return response.status === 401 && challenges.some((challenge) => readError(challenge) === 'invalid_token')
}

/** Returns `error` of a challenge for access tokens (RFC 6750, section 3; RFC 9449, section 7.1). */
function readError({ scheme, parameters }: Challenge): string | undefined {
  return scheme === 'bearer' || scheme === 'dpop' ? parameters['error'] : undefined
}

/** Returns a token in place of a rejected one; undefined if that requires a new login. */
async function replaceToken(token: UserFetch['token'], rejected: PresentedToken): Promise<PresentedToken | undefined> {
  try {
    return await token(rejected.accessToken)
  } catch (error) {
    if (error instanceof LoginNeeded) return undefined
    throw error
  }
}

/** Maximum length of a challenge parameter that is copied into an authorization request. */
const longestParameter = 1500

/** Returns the step-up that the API's challenges require; undefined if they require none. */
function findNeeds({ response, challenges }: ResourceAnswer, entry: LoginEntry): OidcLoginNeeds | undefined {
  if (response.status !== 401 && response.status !== 403) return undefined
  for (const challenge of challenges) {
    const needs = readNeeds(challenge, entry)
    if (needs) return needs
  }
  return undefined
}

function readNeeds(challenge: Challenge, entry: LoginEntry): OidcLoginNeeds | undefined {
  const { scope, claims, acr_values: acr, max_age: maxAge } = challenge.parameters
  if ([scope, claims, acr].some((text) => text !== undefined && text.length > longestParameter)) return undefined
  switch (readError(challenge)) {
    case 'insufficient_scope': {
      const missing = parseScope(scope)?.filter((value) => !entry.scope.includes(value)) ?? []
      // Another login cannot help if all of the scope is granted already.
      return missing.length > 0 ? { scope: missing, parameters: {} } : undefined
    }
    case 'insufficient_user_authentication': {
      const parameters = {
        ...(parseScope(acr) && { acr_values: acr as string }),
        ...(/^\d{1,9}$/.test(maxAge ?? '') && { max_age: maxAge as string }),
      }
      return Object.keys(parameters).length > 0 ? { scope: [], parameters } : undefined
    }
    case 'insufficient_claims': {
      const text = decodeClaims(claims)
      return text === undefined ? undefined : { scope: [], parameters: { claims: text } }
    }
    default:
      return undefined
  }
}

/** Decodes the claims request (OIDC Core, section 5.5) of Entra's challenges: JSON in base64. */
function decodeClaims(encoded: string | undefined): string | undefined {
  const value = parseJson(Buffer.from(encoded ?? '', 'base64').toString('utf8'))
  return value !== null && typeof value === 'object' ? JSON.stringify(value) : undefined
}
