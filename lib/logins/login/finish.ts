import type { OidcUnknownClaims, OidcTokenSet } from '../../config/claims.ts'
import { hookFailed } from '../../core/errors.ts'
import type { LoginInProgress } from '../../session/login-in-progress.ts'
import type { Arrival } from '../../session/session-trust.ts'
import type { RequestSession } from '../../session/web-session.ts'
import type { LoginRecord } from '../../store/login-record.ts'
import type { Device } from '../../store/login-entry.ts'
import { exchangeCode } from '../../provider/authorization-code.ts'
import { makeDpopHandle } from '../../provider/dpop-keys.ts'
import { identify, type Identity } from './identity.ts'
import { makeLoginEntry } from './new-login-entry.ts'
import type { Instance } from '../instance.ts'
import type { FindInstance } from './replaced-tokens.ts'
import { cleanUp, renewSession, rollback, writeLogin } from './write-login.ts'
import { checkMaxAge } from './max-age.ts'

export interface FinishInput {
  readonly parameters: URLSearchParams
  readonly state: string
  readonly login: LoginInProgress
  readonly arrival: Arrival
  readonly session: RequestSession
  /** Undefined unless the application stores devices (`storeDevice`). */
  readonly device?: Device | undefined
  /** The application's hook. It runs with the new session and returns the redirect target, or undefined for the default. */
  readonly afterLogin: (login: {
    user: OidcUnknownClaims
    tokens: OidcTokenSet
    roles: readonly string[]
  }) => Promise<unknown>
  /** Secrets of the request, which the hook may quote in an error. */
  readonly requestSecrets: readonly string[]
  readonly findInstance: FindInstance
  /** Returns the hook's redirect target if it is a path on this origin, otherwise undefined. */
  readonly localPath: (destination: unknown) => string | undefined
}

export interface Finished {
  readonly loginId: string
  readonly returnTo: string
  readonly login: LoginRecord
  /** The mark that the browser gets. */
  readonly mark: string
  /** Deletes what the login has replaced. Never rejects, because the login is already complete. */
  readonly cleanUp: () => Promise<void>
}

/**
 * Finishes a login whose authorization response the caller has marked as used: code exchange, verification, new session,
 * hook, records. If any step fails, the former session stays as it was.
 */
export async function finishLogin(instance: Instance, input: FinishInput): Promise<Finished> {
  const { login, session } = input
  const dpop = await makeDpopHandle(instance.provider, login.dpopKey)
  const codeScope = readCodeScope(instance, login.scope)
  const response = await exchangeCode(instance.provider, input.parameters, {
    redirectUri: instance.redirectUri,
    state: input.state,
    nonce: login.nonce,
    verifier: login.verifier,
    scope: codeScope,
    dpop,
  })
  const identity = await identify(instance, response, { ...login, dpop })
  checkMaxAge(instance, login, identity.claims['auth_time'])
  const { device } = input
  const entry = { ...makeLoginEntry(instance, login, identity, codeScope), ...(device && { device }) }

  const tokens = { ...identity.tokens, dpopKey: login.dpopKey }
  const loginWrite = await renewSession(instance, session, { entry, tokens, login, arrival: input.arrival })
  try {
    const returnTo = await runHook(input, identity)
    const written = await writeLogin(instance, session, loginWrite)
    const { loginId, issuer, sub } = entry
    instance.events.emit('login', { issuer, sub, loginId, isPageLost: login.isPageLost || undefined })
    const work = (): Promise<void> => cleanUp(instance, loginWrite, written.login, input.findInstance)
    return { loginId, returnTo, ...written, cleanUp: work }
  } catch (error) {
    await rollback(instance, loginWrite)
    throw error
  }
}

/**
 * Returns the scope to send with the authorization code; undefined for none.
 *
 * @throws OidcError `hook_failed` if the rule `codeScope` throws or returns anything else
 */
function readCodeScope({ options }: Instance, requested: readonly string[]): readonly string[] | undefined {
  let scope: unknown
  try {
    scope = options.rules?.codeScope?.(requested)
  } catch (error) {
    throw hookFailed('codeScope', error)
  }
  if (scope === undefined) return undefined
  if (Array.isArray(scope) && scope.every((value) => typeof value === 'string')) return scope
  throw hookFailed('codeScope', new TypeError('the returned value is neither an array of strings nor undefined'))
}

async function runHook(input: FinishInput, identity: Identity): Promise<string> {
  let destination: unknown
  try {
    destination = await input.afterLogin({ user: identity.user, tokens: identity.tokens, roles: identity.roles })
  } catch (error) {
    throw hookFailed('afterLogin', error, [
      identity.tokens.accessToken,
      identity.tokens.refreshToken,
      identity.tokens.idToken,
      // With `form_post`, the code is not in the request.
      input.parameters.get('code') ?? undefined,
      ...input.requestSecrets,
    ])
  }
  if (destination === undefined || destination === null) return input.login.returnTo
  const path = input.localPath(destination)
  if (path === undefined) {
    throw hookFailed(
      'afterLogin',
      new TypeError('the returned value is not a path on this origin; return one such as /welcome'),
    )
  }
  return path
}
