/**
 * Logins without an application or a browser, through the function that the callback calls. An authorization response
 * goes in, and the login record comes out. Code exchange, verification and records are real. The token endpoint answers
 * within the process, and the session and its records are in memory.
 */
import { randomBytes } from 'node:crypto'
import type { OidcOptions, OidcTokenSet } from 'express-session-oidc'
import type { TestFaults, TestProvider } from 'express-session-oidc/testing'
import { expect } from 'vitest'
import { OidcError } from '../../../lib/core/errors.ts'
import { makeInstance } from '../../../lib/http/make-instance.ts'
import { finishLogin } from '../../../lib/logins/login/finish.ts'
import type { Instance } from '../../../lib/logins/instance.ts'
import { createLoginId, type LoginInProgress } from '../../../lib/session/login-in-progress.ts'
import type { LoginEntry } from '../../../lib/store/login-entry.ts'
import { toTokenSet } from '../../../lib/store/tokens.ts'
import { stageWith } from '../../logins/support/stage.ts'
import { secret } from '../../support/app.ts'
import { expectSaneEntry, refusals } from './one-login.ts'
import { oneProvider } from '../../support/one-provider.ts'

export type DirectOutcome =
  | { readonly how: 'login'; readonly entry: LoginEntry; readonly handed: OidcTokenSet; readonly stored: OidcTokenSet }
  | { readonly how: 'refused'; readonly code: string; readonly status: number; readonly detail: string }

export interface DirectLogins {
  /** Logs Alice in while the provider has these faults. A failure must be an `OidcError` and leave nothing behind. */
  login(faults?: TestFaults): Promise<DirectOutcome>
  /** Issues an ID token with these faults, as a login would get it; `undefined` if they omit it. */
  idToken(faults?: TestFaults): Promise<string | undefined>
}

/** The nonce of all direct logins. Their ID tokens have it unless the faults change it. */
export const directNonce = 'the nonce of every direct login'

export interface DirectSetup {
  readonly options?: Partial<OidcOptions>
  /** Alters the text of a response of the provider; gets the path of the endpoint. */
  readonly edit?: (path: string, text: string) => string
}

/** Prepares direct logins with one instance, which fetches metadata and keys from the provider once. */
export function directLogins(provider: TestProvider, { options, edit }: DirectSetup = {}): DirectLogins {
  const altering: typeof fetch = async (input, init) => {
    const path = new URL(input).pathname
    // The token endpoint answers within the process, because it is not under test.
    const answer = path.endsWith('/token')
      ? Response.json(await provider.issueTokens('alice'))
      : await fetch(input, init)
    if (!edit) return answer
    return new Response(edit(path, await answer.text()), { status: answer.status, headers: answer.headers })
  }
  const whole = oneProvider({
    ...provider.settings(),
    baseUrl: 'http://127.0.0.1:3000',
    secret,
    ...options,
    fetch: altering,
  })
  const instance = makeInstance(whole)
  const reported: object[] = []
  instance.events.on('login', (event) => void reported.push(event))

  async function misbehaving<Result>(faults: TestFaults, run: () => Promise<Result>): Promise<Result> {
    const undoNonce = provider.misbehave({ idToken: { claims: (claims) => ({ ...claims, nonce: directNonce }) } })
    const undo = provider.misbehave(faults)
    try {
      return await run()
    } finally {
      undo()
      undoNonce()
    }
  }

  return {
    login: (faults = {}) => misbehaving(faults, () => directLogin(instance, provider.issuer, reported)),
    idToken: (faults = {}) =>
      misbehaving(faults, async () => (await provider.issueTokens('alice'))['id_token'] as string | undefined),
  }
}

async function directLogin(instance: Instance, issuer: string, reported: object[]): Promise<DirectOutcome> {
  reported.length = 0
  const { records, session, store, id: formerId } = await stageWith()
  const state = 'the state of every direct login'
  const login: LoginInProgress = {
    id: createLoginId(),
    nonce: directNonce,
    verifier: randomBytes(32).toString('base64url'),
    dpopKey: undefined,
    returnTo: '/',
    startedAt: Date.now() / 1000,
    scope: ['openid', 'profile', 'email'],
    parameters: {},
    cookie: 'hash-cookie',
    mark: undefined,
    from: [],
    hasDetails: false,
    isPageLost: false,
  }
  const handed: OidcTokenSet[] = []
  try {
    const finished = await finishLogin(instance, {
      parameters: new URLSearchParams({ code: 'x', state, iss: issuer }),
      state,
      login,
      arrival: { cookies: [], mark: undefined, inProgress: [] },
      session,
      afterLogin: async ({ tokens }) => void handed.push(tokens),
      requestSecrets: [],
      findInstance: () => undefined,
      localPath: () => undefined,
    })
    // This is how the next request reads it.
    const read = await session.readLogin(session.id)
    // Compared as texts: a claim may be nested too deeply for toEqual, or for JSON.stringify of an instance of a class.
    expect(read.text).toBe(finished.login.text)
    const entry = read.entries['default']
    if (!entry) throw new Error('no login record')
    expectSaneEntry(entry, issuer)
    expect(session.id).not.toBe(formerId)
    expect(reported).toMatchObject([{ issuer: entry.issuer, sub: entry.sub, loginId: entry.loginId }])
    const opened = await instance.loginsIn(records).tokens(session.id, entry.loginId)
    if (!opened) throw new Error('no tokens')
    return { how: 'login', entry, handed: handed[0] as OidcTokenSet, stored: toTokenSet(opened) }
  } catch (error) {
    if (!(error instanceof OidcError)) throw error
    const { code, status, detail } = error
    expect({ code, status }).toEqual({ code, status: refusals[code] })
    expect(error.cause).toBeUndefined()
    expect(`${JSON.stringify(error)} ${error.stack} ${detail}`).not.toMatch(/eyJ[\w-]{10,}/)
    // Nobody is logged in, and the request keeps its session.
    expect(reported).toEqual([])
    expect(handed).toEqual([])
    expect(session.id).toBe(formerId)
    expect(session.hasLogins).toBe(false)
    expect(Object.keys((store as unknown as { sessions: object }).sessions)).toEqual([formerId])
    return { how: 'refused', code, status, detail: String(detail) }
  }
}
