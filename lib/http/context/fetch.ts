import { fail, LoginNeeded, type LoginNeeds } from '../../core/errors.ts'
import { isSecureUrl, parsedUrl } from '../../core/urls.ts'
import type { Instance } from '../../logins/instance.ts'
import {
  callResource,
  type Challenge,
  type PresentedToken,
  type ResourceAnswer,
} from '../../provider/protected-resource.ts'
import { wasAskedLately } from '../../session/step-up-history.ts'
import type { Slot } from '../../store/slot.ts'
import { scopeList } from '../../core/scope.ts'

/** A call of an API as the user of a login. */
export interface UserFetch {
  readonly instance: Instance
  readonly slot: Slot
  /** The access token to call it with; another than `refused`, where that is given. */
  readonly token: (refused?: string) => Promise<PresentedToken>
}

/**
 * Calls an API with the access token of a login. One that the API refuses is refreshed once, and the call repeated where it
 * can be (RFC 6750 3.1).
 *
 * @throws OidcError `destination_refused`; {@link LoginNeeded} where the API says what else it takes (RFC 6750 3.1, RFC 9470)
 */
export async function fetchAsUser(
  { instance, slot, token }: UserFetch,
  destination: string | URL,
  init: RequestInit,
): Promise<Response> {
  const url = permittedUrl(instance, destination)
  const first = await token()
  let answer = await callResource(first, url, init)
  if (isTokenRefused(answer) && isRepeatable(init.body)) {
    const second = await another(token, first)
    if (second) {
      await answer.response.body?.cancel()
      answer = await callResource(second, url, init)
    }
  }
  const needs = needsOf(answer, slot)
  if (!needs) return answer.response
  await answer.response.body?.cancel()
  throw new LoginNeeded(needs.scope.length > 0 ? 'not_allowed' : 'authentication_insufficient', {
    ...needs,
    provider: instance.options.name,
    owner: instance.owner,
    detail: `${url.origin} answered ${answer.response.status}: ${JSON.stringify(answer.challenges.map(errorOf))}`,
    isRepeat: wasAskedLately(slot, needs),
  })
}

/** Where a token may go is for the application to say, never for what a request brings. */
function permittedUrl({ options }: Instance, destination: string | URL): URL {
  const url = parsedUrl(String(destination))
  const isPermitted =
    url && options.fetchOrigins.includes(url.origin) && isSecureUrl(url.href, false) && !url.username && !url.password
  if (isPermitted) return url
  const refused = url ? url.origin : 'what is no absolute URL'
  throw fail('destination_refused', `req.oidc.fetch(): ${refused} is not among the origins of the option fetchOrigins`)
}

function isTokenRefused({ response, challenges }: ResourceAnswer): boolean {
  return response.status === 401 && challenges.some((challenge) => errorOf(challenge) === 'invalid_token')
}

/** `error` of a challenge that is about access tokens (RFC 6750 3, RFC 9449 7.1). */
function errorOf({ scheme, parameters }: Challenge): string | undefined {
  return scheme === 'bearer' || scheme === 'dpop' ? parameters['error'] : undefined
}

/** A stream has been read by then. */
function isRepeatable(body: RequestInit['body']): boolean {
  return !(body instanceof ReadableStream) && !(body && Symbol.asyncIterator in Object(body))
}

/** Another token in the place of one that was refused; undefined where the login has none to give but would need a new one. */
async function another(token: UserFetch['token'], refused: PresentedToken): Promise<PresentedToken | undefined> {
  try {
    return await token(refused.accessToken)
  } catch (error) {
    if (error instanceof LoginNeeded) return undefined
    throw error
  }
}

/** Longest text of a challenge that is taken into an authorization request. */
const longest = 1500

/** What an API says that another login would have to ask for; undefined where it says nothing of the kind. */
function needsOf({ response, challenges }: ResourceAnswer, slot: Slot): LoginNeeds | undefined {
  if (response.status !== 401 && response.status !== 403) return undefined
  for (const challenge of challenges) {
    const needs = needOf(challenge, slot)
    if (needs) return needs
  }
  return undefined
}

function needOf(challenge: Challenge, slot: Slot): LoginNeeds | undefined {
  const { scope, claims, acr_values: acr, max_age: maxAge } = challenge.parameters
  if ([scope, claims, acr].some((text) => text !== undefined && text.length > longest)) return undefined
  switch (errorOf(challenge)) {
    case 'insufficient_scope': {
      const missing = scopeList(scope)?.filter((word) => !slot.scope.includes(word)) ?? []
      // What was granted already is not what is missing.
      return missing.length > 0 ? { scope: missing, parameters: {} } : undefined
    }
    case 'insufficient_user_authentication': {
      const parameters = {
        ...(scopeList(acr) && { acr_values: acr as string }),
        ...(/^\d{1,9}$/.test(maxAge ?? '') && { max_age: maxAge as string }),
      }
      return Object.keys(parameters).length > 0 ? { scope: [], parameters } : undefined
    }
    case 'insufficient_claims': {
      const text = claimsIn(claims)
      return text === undefined ? undefined : { scope: [], parameters: { claims: text } }
    }
    default:
      return undefined
  }
}

/** A claims request (OIDC Core 5.5) as Entra's challenges have it: JSON in base64. */
function claimsIn(encoded: string | undefined): string | undefined {
  const text = Buffer.from(encoded ?? '', 'base64').toString('utf8')
  try {
    const value: unknown = JSON.parse(text)
    return value !== null && typeof value === 'object' ? JSON.stringify(value) : undefined
  } catch {
    return undefined
  }
}
