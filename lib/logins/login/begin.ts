import type { OidcLoginNeeds } from '../../core/errors.ts'
import { hashShort } from '../../core/short-hash.ts'
import { makeAuthorizationUrl } from '../../provider/authorization-url.ts'
import { computeDpopThumbprint } from '../../provider/dpop-keys.ts'
import { hashMark } from '../../session/browser-mark.ts'
import { makeDetailsCookie, type LoginDetails } from '../../session/details-cookie.ts'
import { createLoginId } from '../../session/login-in-progress.ts'
import type { Cookie } from '../../session/login-cookies.ts'
import { deriveLoginSecrets } from '../../session/login-secrets.ts'
import {
  createProgressCookie,
  hashSecret,
  listFrom,
  listSurplusCookies,
  writeProgressCookie,
} from '../../session/progress-cookie.ts'
import { writeFittingState, type State } from '../../session/state.ts'
import { listResources } from '../../session/step-up-history.ts'
import type { Instance } from '../instance.ts'

export interface BeginInput {
  readonly request: OidcLoginNeeds
  /** Path on this origin that the finished login redirects to. */
  readonly returnTo: string
  /** Number of restarts, see `State.attempt`. */
  readonly attempt: number
  /** Whether this is a silent login; then `returnTo` is a public page. */
  readonly isSilent?: boolean | undefined
  /** Id of the request's session; undefined if it has none. */
  readonly session: string | undefined
  /** Whether a callback restarts the login. */
  readonly isRestart?: boolean | undefined
  readonly cookies: ReadonlyMap<string, string>
}

/** A login in progress: the URL to redirect to, and the cookies to set. */
export interface Begun {
  readonly location: string
  readonly cookies: readonly Cookie[]
}

/** Begins a login: creates its cookie and its authorization request (OIDC Core, section 3.1.2.1). */
export async function beginLogin(instance: Instance, input: BeginInput): Promise<Begun> {
  const { options, provider, seals, cookiePlace, redirectUri } = instance
  const { cookies, request } = input
  const id = createLoginId()
  const cookie = createProgressCookie(cookiePlace, id, listSessions(instance, input))
  const { nonce, verifier, dpopKey } = deriveLoginSecrets(seals, { id, secret: 0, hasDpop: options.dpop }, cookie)
  const parameters = addResources(instance, request)
  const full = makeState(instance, input, { id, cookie: hashSecret(cookie), parameters })
  const { text, state } = writeFittingState(seals, shortenState(full))
  const details = selectDetails(instance, { full, written: state, parameters })
  const location = await makeAuthorizationUrl(provider, {
    redirectUri,
    state: text,
    nonce,
    verifier,
    scope: request.scope,
    responseMode: options.responseMode,
    par: options.par,
    dpopThumbprint: dpopKey === undefined ? undefined : await computeDpopThumbprint(provider, dpopKey),
    parameters,
  })
  return {
    location,
    cookies: [
      ...listSurplusCookies(cookiePlace, cookies),
      writeProgressCookie(cookiePlace, cookie),
      ...(details ? [makeDetailsCookie(seals.details, cookiePlace, id, details)] : []),
    ],
  }
}

/**
 * Returns the sessions that the login may continue: that of the request; or in a restart those of all logins in progress. The
 * session of the callback that restarts it may have been planted for the path of the callback only.
 */
function listSessions({ cookiePlace }: Instance, { session, isRestart, cookies }: BeginInput): readonly string[] {
  if (isRestart) return listFrom(cookiePlace, cookies)
  return session === undefined ? [] : [hashShort(session)]
}

function makeState(
  instance: Instance,
  { request, returnTo, attempt, isSilent, cookies }: BeginInput,
  { parameters, ...login }: Pick<State, 'id' | 'cookie'> & { readonly parameters: Readonly<Record<string, string>> },
): State {
  return {
    ...login,
    startedAt: Date.now() / 1000,
    attempt,
    isSilent: isSilent === true,
    asksMore:
      !isOwnScope(instance, request.scope) ||
      Object.keys(parameters).some((name) => !isOwnParameter(instance, parameters, name)),
    mark: hashMark(instance.cookiePlace, cookies),
    page: returnTo,
    scope: isOwnScope(instance, request.scope) ? undefined : request.scope,
    checked: selectParameters(parameters, isChecked),
    isPageShort: false,
    needsDetails: false,
  }
}

function addResources({ options }: Instance, request: OidcLoginNeeds): Readonly<Record<string, string>> {
  const resource = [...new Set([...options.resource, ...listResources(request)])]
  return { ...request.parameters, ...(resource.length > 0 && { resource: resource.join(' ') }) }
}

/** Whether every login of the instance has this parameter. */
function isOwnParameter({ options }: Instance, parameters: Readonly<Record<string, string>>, name: string): boolean {
  return name === 'resource' && parameters[name] === options.resource.join(' ')
}

function isOwnScope({ options }: Instance, scope: readonly string[]): boolean {
  return options.scope.join(' ') === scope.join(' ')
}

/** Parameters of the authorization request that the callback or a guard checks. */
function isChecked(name: string): boolean {
  return ['prompt', 'max_age', 'acr_values'].includes(name)
}

function selectParameters(
  parameters: Readonly<Record<string, string>>,
  isSelected: (name: string) => boolean,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => isSelected(name)))
}

/** Returns versions of a `state` that take less and less room: first the page is shortened, then the rest is left out. */
function shortenState(full: State): readonly [State, ...State[]] {
  const page = full.page.split(/[?#]/, 1)[0] as string
  const path = { ...full, page, isPageShort: page !== full.page }
  const start = { ...full, page: '', isPageShort: true }
  const none = { scope: undefined, checked: {}, needsDetails: true }
  return [full, path, start, { ...path, ...none }, { ...start, ...none }]
}

/** Returns what a `state` leaves out, and what the options do not say; undefined if that is nothing. */
function selectDetails(
  instance: Instance,
  { full, written, parameters }: { full: State; written: State; parameters: Readonly<Record<string, string>> },
): LoginDetails | undefined {
  const isOther = (name: string): boolean => !isChecked(name) && !isOwnParameter(instance, parameters, name)
  const others = selectParameters(parameters, isOther)
  const details = {
    ...(written.isPageShort && { page: full.page }),
    ...(written.needsDetails && { scope: full.scope, checked: full.checked }),
    ...(Object.keys(others).length > 0 && { parameters: others }),
  }
  return Object.keys(details).length > 0 ? details : undefined
}
