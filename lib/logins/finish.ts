import type { UnknownClaims, TokenSet } from '../config/claims.ts'
import { hookFailed, storeUnavailable } from '../core/errors.ts'
import type { Records } from '../core/records.ts'
import type { LoadedLogin } from '../session/attached.ts'
import { carryOver, type Carried } from '../session/identity-change.ts'
import {
  liveSlots,
  loginKey,
  secondsLeft,
  tokensKey,
  writeRecord,
  writeReplaced,
  type Slot,
} from '../session/login-record.ts'
import { maxAgeOf, type Transaction } from '../session/transaction.ts'
import { sealTokens, type KeptTokens } from '../session/vault.ts'
import type { RenewedSession, RequestSession } from '../session/web-session.ts'
import { exchangeCode } from '../provider/respond.ts'
import { dpopHandle } from '../provider/dpop.ts'
import { tokenInvalid } from '../tokens/faults.ts'
import { identify, type Identity } from './identity.ts'
import { isPast, slotOf } from './slot.ts'
import type { Instance } from './instance.ts'
import { indexLogins } from './login-index.ts'

/** What a login is finished with. */
export interface FinishInput {
  readonly parameters: URLSearchParams
  readonly state: string
  readonly transaction: Transaction
  readonly session: RequestSession
  /** The application's hook, on the new session; says where to go, or undefined. */
  readonly afterLogin: (login: { user: UnknownClaims; tokens: TokenSet; roles: readonly string[] }) => Promise<unknown>
  /** Checks where the hook wants to go: a path on this origin, or undefined. */
  readonly localPath: (wanted: unknown) => string | undefined
}

/** A finished login. */
export interface Finished {
  readonly loginId: string
  readonly returnTo: string
  readonly login: LoadedLogin
}

/** A login being written. */
interface Made {
  readonly renewed: RenewedSession
  readonly formerId: string
  former: LoadedLogin | undefined
  readonly slot: Slot
  readonly tokens: KeptTokens
  /** What puts the record of the former session back, once its end was attempted. */
  undo: { readonly ended: string; readonly text: string } | undefined
}

/** The logins of the former session changed while this one was being finished: it must begin anew. */
export class FormerSessionChanged extends Error {}

/** Seconds that the way from a replaced session to its successor is remembered, for requests that still run on it. */
const movedSeconds = 600
const mostTries = 5

/**
 * Finishes a login whose response was claimed: exchange, verification, new session, hook, records. A refusal or a fault
 * on the way leaves the former session as it was.
 */
export async function finishLogin(instance: Instance, input: FinishInput): Promise<Finished> {
  const { transaction, session } = input
  const dpop = await dpopHandle(instance.provider, transaction.dpopKey)
  const codeScope = instance.options.rules?.codeScope?.(transaction.scope)
  const response = await exchangeCode(instance.provider, input.parameters, {
    redirectUri: instance.redirectUri,
    state: input.state,
    nonce: transaction.nonce,
    verifier: transaction.verifier,
    scope: codeScope,
    dpop,
  })
  const identity = await identify(instance, response, { ...transaction, dpop })
  const stale = staleness(instance, transaction, identity.claims['auth_time'])
  if (stale !== undefined) throw tokenInvalid('ID token', stale)
  const slot = slotOf(instance, transaction, identity, codeScope)

  const former = await session.login()
  const formerId = session.id
  const carried = carry(instance, session, former, slot)
  const renewed = session.renew(carried.data)
  const tokens = { ...identity.tokens, dpopKey: transaction.dpopKey }
  const made: Made = { renewed, formerId, former, slot, tokens, undo: undefined }
  try {
    const returnTo = await runHook(input, identity)
    await renewed.save()
    const login = await writeLogin(instance, session, made)
    await afterwards(instance, () => indexLogins(session.records, renewed.id, slotsOf(login), slotsOf(made.former)))
    const { loginId, issuer, sub } = slot
    instance.events.emit('login', { issuer, sub, loginId })
    return { loginId, returnTo, login }
  } catch (error) {
    await putBack(instance, session.records, made)
    throw error
  }
}

/**
 * Why the user has not authenticated as lately as was asked for (OIDC Core 3.1.2.1, `max_age`); undefined where that is
 * not so. What counts is when the browser set out: pages of the provider that come after the password take their time.
 */
function staleness(instance: Instance, transaction: Transaction, authTime: unknown): string | undefined {
  const maxAge = maxAgeOf(transaction)
  if (maxAge === undefined) return undefined
  if (typeof authTime !== 'number') return 'auth_time is missing, though max_age was asked for'
  if (!isPast(instance, authTime)) return 'auth_time is in the future, so that max_age cannot be told'
  const oldest = Math.floor(transaction.startedAt) - maxAge - instance.options.clockToleranceSeconds
  return authTime < oldest ? 'auth_time is longer ago than max_age permits' : undefined
}

function carry(instance: Instance, session: RequestSession, former: LoadedLogin | undefined, slot: Slot): Carried {
  const record = former?.record === 'newer' ? undefined : former?.record
  return carryOver({ hadLogins: session.hasLogins, slots: liveSlots(record) }, instance.options.name, slot)
}

async function runHook(input: FinishInput, identity: Identity): Promise<string> {
  let wanted: unknown
  try {
    wanted = await input.afterLogin({ user: identity.user, tokens: identity.tokens, roles: identity.roles })
  } catch (error) {
    throw hookFailed('afterLogin', error, [
      identity.tokens.accessToken,
      identity.tokens.refreshToken,
      identity.tokens.idToken,
    ])
  }
  if (wanted === undefined || wanted === null) return input.transaction.returnTo
  const path = input.localPath(wanted)
  if (path === undefined) {
    throw hookFailed('afterLogin', new TypeError('where to go must be a path on this origin, such as /welcome'))
  }
  return path
}

/** Tokens, then the record that makes the login real, then the end of the former session: each awaited. */
async function writeLogin(instance: Instance, session: RequestSession, made: Made): Promise<LoadedLogin> {
  const { records } = session
  const { renewed, formerId, slot, tokens } = made
  const { name } = instance.options
  const sealed = sealTokens(instance.tokenSealer, tokens, slot.loginId, name)
  await records.set(tokensKey(renewed.id, name), sealed, secondsLeft({ [name]: slot }))
  let written: string | undefined
  let copied: string[] = []
  for (let version = 1; version <= mostTries; version++) {
    const { former } = made
    const { slots: others } = carry(instance, session, former, slot)
    const gone = copied.filter((other) => !Object.hasOwn(others, other))
    if (gone.length > 0) await records.delete(gone.map((other) => tokensKey(renewed.id, other)))
    await copyTokens(records, formerId, renewed.id, others)
    copied = Object.keys(others)
    const slots = { ...others, [name]: slot }
    const text = writeRecord(slots, version)
    const key = loginKey(renewed.id)
    const isWritten =
      written === undefined
        ? await records.add(key, text, secondsLeft(slots))
        : await records.replace(key, written, text, secondsLeft(slots))
    if (!isWritten) throw storeUnavailable(new Error('the login record of a new session is another'))
    written = text
    const login = { text, record: { format: 1, version, slots } }
    // With no logins before it, this one stands from here on.
    if (former?.text === undefined) {
      await afterwards(instance, () => renewed.dropFormer())
      return login
    }
    if (await endFormer(session, made, former.text, others)) {
      await afterwards(instance, async () => {
        await records.delete(Object.keys(slotsOf(former)).map((other) => tokensKey(formerId, other)))
        await renewed.dropFormer()
      })
      return login
    }
    // A logout or a refresh came first: look again at what there is to carry over.
    made.former = await session.readLogin(formerId)
    if (Object.keys(slotsOf(made.former)).length === 0) {
      throw new FormerSessionChanged('the former session was logged out or replaced meanwhile')
    }
  }
  throw storeUnavailable(new Error('the former session kept changing'))
}

/** The moment at which the logins of the former session become those of the new one; false where they changed. */
async function endFormer(
  session: RequestSession,
  made: Made,
  text: string,
  moving: Readonly<Record<string, Slot>>,
): Promise<boolean> {
  const { records } = session
  const { renewed, formerId } = made
  // No slots: ended. Unlike a deletion it can be undone for certain, also where the store's answer was lost.
  const ended = writeReplaced(renewed.id, moving)
  made.undo = { ended, text }
  try {
    const isEnded = await records.replace(loginKey(formerId), text, ended, movedSeconds)
    if (!isEnded) made.undo = undefined
    return isEnded
  } catch (error) {
    // Done, and only the answer lost: others may have seen it, so that it stands.
    if ((await records.get(loginKey(formerId))) === ended) return true
    throw error
  }
}

/** Tokens are sealed for a login, not for a session, and move as they are. */
async function copyTokens(
  records: Records,
  from: string,
  to: string,
  slots: Readonly<Record<string, Slot>>,
): Promise<void> {
  for (const [instanceName, slot] of Object.entries(slots)) {
    const sealed = await records.get(tokensKey(from, instanceName))
    if (sealed !== undefined)
      await records.set(tokensKey(to, instanceName), sealed, secondsLeft({ [instanceName]: slot }))
  }
}

/** Cleaning up once the login stands: a fault in it is told, and changes nothing. */
async function afterwards(instance: Instance, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    instance.events.emit('store_fault', { detail: storeUnavailable(error).detail })
  }
}

/** Undoes what a login that failed has written, as far as the store lets us; the former session is back in any case. */
async function putBack(instance: Instance, records: Records, made: Made): Promise<void> {
  const { renewed, formerId, former, undo } = made
  await afterwards(instance, async () => {
    if (!undo) return
    await records.replace(loginKey(formerId), undo.ended, undo.text, secondsLeft(slotsOf(former)))
  })
  await afterwards(instance, () => renewed.discard())
  await afterwards(instance, async () => {
    const names = [instance.options.name, ...Object.keys(slotsOf(former))]
    await records.delete([loginKey(renewed.id), ...names.map((name) => tokensKey(renewed.id, name))])
  })
}

function slotsOf(login: LoadedLogin | undefined): Readonly<Record<string, Slot>> {
  return login?.record === undefined || login.record === 'newer' ? {} : login.record.slots
}
