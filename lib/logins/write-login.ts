import { OidcError, storeUnavailable } from '../core/errors.ts'
import type { Records } from '../core/records.ts'
import type { LoadedLogin } from '../session/attached.ts'
import { carryOver, type Carried } from '../session/identity-change.ts'
import { forgetLogin, forgetSession, indexLogin, moveLogin } from '../session/login-index.ts'
import {
  liveSlots,
  loginKey,
  secondsLeft,
  tokensKey,
  writeRecord,
  writeReplaced,
  type Slot,
} from '../session/login-record.ts'
import { sealTokens, type KeptTokens } from '../session/vault.ts'
import type { RenewedSession, RequestSession } from '../session/web-session.ts'
import type { Instance } from './instance.ts'
import { wasLoggedOut } from './tombstone.ts'

/** A login being written. */
export interface Made {
  /** The session that it is of. */
  readonly renewed: RenewedSession
  readonly formerId: string
  former: LoadedLogin | undefined
  readonly slot: Slot
  readonly tokens: KeptTokens
  /** What puts the record of the former session back, once its end was attempted. */
  undo: { readonly ended: string; readonly text: string } | undefined
}

type Slots = Readonly<Record<string, Slot>>

/** The logins of the former session changed while this one was being finished: it must begin anew. */
export class FormerSessionChanged extends Error {}

/** The user was logged out while this login was being finished: it must begin anew. */
export class LoggedOutMeanwhile extends OidcError {
  constructor() {
    super('login_required', 'You were logged out while you were logging in. Please log in again.', {
      status: 401,
      detail: 'a logout of this user, or of the session at the provider, came while the login was under way',
    })
  }
}

/** Seconds that the way from a replaced session to its successor is remembered at least, for requests that still run on it. */
const movedSeconds = 600
const mostTries = 5

/** Makes the session of a login, in memory: what may stay of the former one is in it. */
export async function renewSession(
  instance: Instance,
  session: RequestSession,
  slot: Slot,
  tokens: KeptTokens,
): Promise<Made> {
  const former = await session.login()
  const formerId = session.id
  const { data } = carry(instance, session, former, slot)
  return { renewed: session.renew(data), formerId, former, slot, tokens, undo: undefined }
}

function carry(instance: Instance, session: RequestSession, former: LoadedLogin | undefined, slot: Slot): Carried {
  const record = former?.record === 'newer' ? undefined : former?.record
  return carryOver({ hadLogins: session.hasLogins, slots: liveSlots(record) }, instance.options.name, slot)
}

/**
 * Writes a login: its tokens, its place in the index, then the record that makes it real, then the end of the former
 * session, each awaited.
 *
 * @throws LoggedOutMeanwhile, FormerSessionChanged; OidcError `store_unavailable`. What was written then is for `putBack`.
 */
export async function writeLogin(instance: Instance, session: RequestSession, made: Made): Promise<LoadedLogin> {
  const login = await writeRecords(instance, session, made)
  await afterwards(instance, () =>
    keepIndex(instance, session.records, made.renewed.id, [slotsOf(login), slotsOf(made.former)]),
  )
  return login
}

async function writeRecords(instance: Instance, session: RequestSession, made: Made): Promise<LoadedLogin> {
  const { records } = session
  const { renewed, formerId, slot, tokens } = made
  const { name } = instance.options
  const sealed = sealTokens(instance.tokenSealer, tokens, slot.loginId, name)
  await records.set(tokensKey(renewed.id, name), sealed, secondsLeft({ [name]: slot }))
  // Before it is looked whether the user was logged out: whoever comes after that look finds the login.
  await indexLogin(records, instance.owner, renewed.id, slot)
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
    if (!isWritten) {
      if (written !== undefined) throw new LoggedOutMeanwhile()
      throw storeUnavailable(new Error('the login record of a new session is another'))
    }
    written = text
    if (await wasLoggedOut(records, instance.owner, slot)) throw new LoggedOutMeanwhile()
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
    // A logout of a login that went the way must find it, also where the index could not be written.
    const seconds = Object.keys(moving).length > 0 ? Math.max(movedSeconds, secondsLeft(moving)) : movedSeconds
    const isEnded = await records.replace(loginKey(formerId), text, ended, seconds)
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
export async function putBack(instance: Instance, records: Records, made: Made): Promise<void> {
  const { renewed, formerId, former, slot, undo } = made
  await afterwards(instance, async () => {
    if (!undo) return
    await records.replace(loginKey(formerId), undo.ended, undo.text, secondsLeft(slotsOf(former)))
  })
  await afterwards(instance, () => renewed.discard())
  await afterwards(instance, async () => {
    const names = [instance.options.name, ...Object.keys(slotsOf(former))]
    await records.delete([loginKey(renewed.id), ...names.map((name) => tokensKey(renewed.id, name))])
    await forgetLogin(records, instance.owner, slot)
  })
}

/** Logins that came along are found in the new session, and those that did not are found no more. */
async function keepIndex(
  { owner, options }: Instance,
  records: Records,
  session: string,
  [slots, before]: readonly [Slots, Slots],
): Promise<void> {
  const ids = new Set(Object.values(slots).map(({ loginId }) => loginId))
  for (const [name, slot] of Object.entries(before)) {
    if (ids.has(slot.loginId)) await moveLogin(records, session, slot)
    else if (name === options.name) await forgetLogin(records, owner, slot)
    else await forgetSession(records, slot.loginId)
  }
}

function slotsOf(login: LoadedLogin | undefined): Slots {
  return login?.record === undefined || login.record === 'newer' ? {} : login.record.slots
}
