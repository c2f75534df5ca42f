import { OidcError, storeUnavailable } from '../../core/errors.ts'
import { warnOnce } from '../../core/warnings.ts'
import { carryOver, type Carried } from '../../session/identity-change.ts'
import type { RenewedSession, RequestSession } from '../../session/web-session.ts'
import type { LoginRecord } from '../../store/login-record.ts'
import { takeover, tokensKeys, type Takeover } from '../../store/login-records.ts'
import type { LoginStore } from '../../store/login-store.ts'
import type { LoginEntry, LoginEntries } from '../../store/login-entry.ts'
import type { StoredTokens } from '../../store/tokens.ts'
import type { Instance } from '../instance.ts'

/** A login that is being written, with everything that undoing it needs. */
export interface Made {
  readonly logins: LoginStore
  readonly renewed: RenewedSession
  readonly formerId: string
  former: LoginRecord
  readonly entry: LoginEntry
  readonly tokens: StoredTokens
  /** Names of the instances whose tokens may have been written into the new session. */
  readonly names: Set<string>
  /** Set before the former session's record is replaced, so that `putBack` can restore it. */
  takeover: Takeover | undefined
}

/** The former session was logged out or replaced while this login was being finished: the login must restart. */
export class FormerSessionChanged extends Error {}

/** The user was logged out while this login was being finished: the login must restart. */
export class LoggedOutMeanwhile extends OidcError {
  constructor() {
    super('login_required', 'You were logged out during the login. Please log in again.', {
      status: 401,
      detail: 'this user, or the session at the provider, was logged out during the login',
    })
  }
}

const mostTries = 5

/** Creates the session of a login, in memory only, with the data that may be kept from the former session. */
export async function renewSession(
  instance: Instance,
  session: RequestSession,
  entry: LoginEntry,
  tokens: StoredTokens,
): Promise<Made> {
  const former = await session.login()
  warnOfSharedName(instance, former)
  const formerId = session.id
  const { data } = carry(instance, session, former, entry)
  const logins = instance.loginsIn(session.records)
  return {
    logins,
    renewed: session.renew(data),
    formerId,
    former,
    entry,
    tokens,
    names: new Set(),
    takeover: undefined,
  }
}

/** Warns if another application uses the same name in the same session: the two replace each other's logins. */
function warnOfSharedName({ options, owner }: Instance, { liveEntries }: LoginRecord): void {
  const { name } = options
  if (!Object.hasOwn(liveEntries, name) || liveEntries[name]?.owner === owner) return
  warnOnce(
    'OIDC_NAME_SHARED',
    `the name '${name}' is used with two providers or clients in one session, so this login replaced the other one. Give each application its own session cookie, or a name: \`createOidc({ name: 'staff' })\`. This is expected after a change of \`issuer\` or \`clientId\`.`,
    name,
  )
}

function carry(instance: Instance, session: RequestSession, former: LoginRecord, entry: LoginEntry): Carried {
  return carryOver({ hadLogins: session.hasLogins, entries: former.liveEntries }, instance.options.name, entry)
}

/**
 * Writes a login in this order: the index; session, tokens and login record; the replacement of the former session's
 * record. After success the caller calls `cleanUp`, after a failure `putBack`.
 *
 * @throws LoggedOutMeanwhile, FormerSessionChanged; OidcError `store_unavailable`
 */
export async function writeLogin(instance: Instance, session: RequestSession, made: Made): Promise<LoginRecord> {
  const { logins, renewed, formerId, entry, tokens } = made
  const { loginRecords } = logins
  // Before the search for tombstones: a logout that comes after that search finds the login in the index.
  await logins.index(renewed.id, entry)
  let unwritten = [...(await renewed.save()), logins.sealedRecord(renewed.id, entry, tokens)]
  let written: LoginRecord | undefined
  for (let tries = 0; tries < mostTries; tries++) {
    const { former } = made
    const { entries: others } = carry(instance, session, former, entry)
    const copied = await loginRecords.copiedTokens(formerId, renewed.id, others)
    const entries = { ...others, [instance.options.name]: entry }
    for (const name of Object.keys(entries)) made.names.add(name)
    const gone = Object.keys(written?.entries ?? {}).filter((name) => !Object.hasOwn(entries, name))
    const besides = { set: [...unwritten, ...copied], delete: tokensKeys(renewed.id, gone) }
    const login = await loginRecords.write(renewed.id, entries, besides, written)
    if (!login) {
      if (written) throw new LoggedOutMeanwhile()
      throw storeUnavailable(new Error('the new session already has a login record'))
    }
    written = login
    unwritten = []
    if (await logins.wasLoggedOut(entry)) throw new LoggedOutMeanwhile()
    // Without former logins there is no record to replace: the login is valid now.
    if (former.text === undefined || former.isReplaced) return login
    if (await endFormer(made, others)) return login
    // A logout or a refresh came first: read again which logins to carry over.
    made.former = await session.readLogin(formerId)
    if (Object.keys(made.former.entries).length === 0) {
      throw new FormerSessionChanged('the former session was logged out or replaced during the login')
    }
  }
  throw storeUnavailable(new Error('the former session changed too often during the login'))
}

/** Moves the logins of the former session to the new one by compare-and-set. Returns false if they have changed. */
async function endFormer(made: Made, moving: LoginEntries): Promise<boolean> {
  made.takeover = takeover(made.formerId, made.former, made.renewed.id, moving)
  const isEnded = await made.logins.loginRecords.takeOver(made.takeover)
  if (!isEnded) made.takeover = undefined
  return isEnded
}

/** Runs a step of cleaning up. A failure only emits an event, because it must not change the outcome of the login. */
async function afterwards(instance: Instance, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    instance.events.emit('store_fault', { detail: storeUnavailable(error).detail })
  }
}

/** Deletes the former session and updates the index. Never rejects. */
export async function cleanUp(instance: Instance, made: Made, login: LoginRecord): Promise<void> {
  await Promise.all([
    afterwards(instance, () => made.renewed.dropFormer(made.former)),
    afterwards(instance, () => keepIndex(instance, made, login)),
  ])
}

/** Undoes a failed login, as far as the store is available. The request gets its former session back in any case. */
export async function putBack(instance: Instance, made: Made): Promise<void> {
  const { logins, renewed, entry } = made
  await afterwards(instance, async () => {
    if (made.takeover) await logins.loginRecords.undo(made.takeover)
  })
  await afterwards(instance, () => renewed.discard())
  await afterwards(instance, async () => {
    await logins.loginRecords.discard(renewed.id, [...made.names])
    await logins.forget(entry)
  })
}

/** Updates the index: logins that were moved lead to the new session, the others are removed. */
async function keepIndex({ owner }: Instance, { logins, renewed, former }: Made, login: LoginRecord): Promise<void> {
  const ids = new Set(Object.values(login.entries).map(({ loginId }) => loginId))
  for (const entry of Object.values(former.entries)) {
    if (ids.has(entry.loginId)) await logins.move(renewed.id, entry)
    else if (entry.owner === owner) await logins.forget(entry)
    // Only the owner knows the login's groups. The id that remains there leads nowhere; the next reader removes it.
    else await logins.loginRecords.forgetSession(entry.loginId)
  }
}
