import { storeUnavailable } from '../../core/errors.ts'
import { createMark } from '../../session/browser-mark.ts'
import { selectKept, type ArrivedLogin } from '../../session/former-session.ts'
import type { OidcWrittenRecord } from '../../core/records.ts'
import type { RenewedSession, RequestSession } from '../../session/web-session.ts'
import type { LoginRecord } from '../../store/login-record.ts'
import { planTakeover, makeTokensKeys, type Takeover } from '../../store/login-records.ts'
import type { LoginStore } from '../../store/login-store.ts'
import type { LoginEntry, LoginEntries } from '../../store/login-entry.ts'
import type { StoredTokens } from '../../store/tokens.ts'
import type { Instance } from '../instance.ts'
import { reportStoreFault } from '../report-store-fault.ts'
import { findReplacement, FormerSessionChanged, LoggedOutMeanwhile } from './overtaken.ts'
import { readReplacedTokens, revokeReplaced, type FindInstance } from './replaced-tokens.ts'

/** A login that is being written, with everything that its rollback needs. */
export interface LoginWrite {
  readonly logins: LoginStore
  readonly renewed: RenewedSession
  readonly formerId: string
  /** The former session's record as it was last read. */
  former: LoginRecord
  readonly entry: LoginEntry
  readonly tokens: StoredTokens
  readonly arrived: ArrivedLogin
  /** Names of the instances whose tokens may have been written into the new session. */
  readonly names: Set<string>
  /** Set before the former session's record is replaced, so that `rollback` can restore it. */
  takeover: Takeover | undefined
}

/** A login that has been written. */
export interface WrittenLogin {
  readonly login: LoginRecord
  /** The mark that the browser gets. */
  readonly mark: string
}

/** The result of one attempt. `changed`: another request changed the former session's record in the meantime. */
type AttemptResult = ({ readonly outcome: 'done' | 'changed' } & WrittenLogin) | { readonly outcome: 'logged-out' }

/**
 * The input of an attempt: the `records` that no earlier attempt has written, and the login record that one has `written`.
 */
interface AttemptInput {
  readonly records: readonly OidcWrittenRecord[]
  readonly written: LoginRecord | undefined
}

const mostTries = 5

/** Creates the session of a login, in memory only, with the data that may be kept from the former session. */
export async function renewSession(
  instance: Instance,
  session: RequestSession,
  { entry, tokens, ...arrived }: Pick<LoginWrite, 'entry' | 'tokens'> & Pick<ArrivedLogin, 'login' | 'arrival'>,
): Promise<LoginWrite> {
  const former = await session.login()
  warnOfSharedName(instance, former)
  const formerId = session.id
  const login = { ...arrived, name: instance.options.name, user: entry, newMark: createMark() }
  const { data, isUntrusted } = selectKept({ id: formerId, hadLogins: session.hasLogins, record: former }, login)
  if (isUntrusted) warnOfLostSession(instance)
  const logins = instance.loginsIn(session.records)
  return {
    logins,
    renewed: session.renew(data),
    formerId,
    former,
    entry,
    tokens,
    arrived: login,
    names: new Set(),
    takeover: undefined,
  }
}

/** Warns if another application uses the same name in the same session: the two replace each other's logins. */
function warnOfSharedName({ options, owner, events }: Instance, { liveEntries }: LoginRecord): void {
  const { name } = options
  if (!Object.hasOwn(liveEntries, name) || liveEntries[name]?.owner === owner) return
  events.log.warnOnce(
    'OIDC_NAME_SHARED',
    `the name '${name}' is used with two providers or clients in one session, so this login replaced the other one. This is expected after a change of \`issuer\` or \`clientId\``,
    "give each application its own session cookie, or a name: `createOidc({ name: 'staff' })`",
  )
}

/** Warns that a login has dropped a session, because nothing shows that it belongs to the browser of the login. */
function warnOfLostSession({ options, events }: Instance): void {
  events.log.warnOnce(
    'OIDC_SESSION_NOT_KEPT',
    `a login with '${options.name}' did not keep the data or logins of the session that came with it, because another host of this site could have set its cookie`,
    "over https, name the session cookie with the prefix __Host-: `session({ name: '__Host-sid', cookie: { secure: true, path: '/' }, ... })`",
  )
}

/**
 * Writes a login in this order: the index; session, tokens and login record; the replacement of the former session's
 * record. After success the caller calls `cleanUp`, after a failure `rollback`.
 *
 * @throws LoggedOutMeanwhile, FormerSessionChanged; OidcError `store_unavailable`
 */
export async function writeLogin(
  instance: Instance,
  session: RequestSession,
  write: LoginWrite,
): Promise<WrittenLogin> {
  let input: AttemptInput = { records: await prepareRecords(write), written: undefined }
  for (let tries = 0; tries < mostTries; tries++) {
    const result = await attemptWrite(instance, write, input)
    if (result.outcome === 'logged-out') throw new LoggedOutMeanwhile()
    if (result.outcome === 'done') return result
    // A logout or a refresh came first: the former record decides again which logins to keep.
    write.former = await session.readLogin(write.formerId)
    if (Object.keys(write.former.entries).length === 0) {
      throw new FormerSessionChanged(await findReplacement(session, write))
    }
    input = { records: [], written: result.login }
  }
  throw storeUnavailable(new Error('the former session changed too often during the login'))
}

/** Writes the index, and returns the session and the tokens as records. */
async function prepareRecords({ logins, renewed, entry, tokens }: LoginWrite): Promise<readonly OidcWrittenRecord[]> {
  // Before the search for tombstones: a logout that comes after that search finds the login in the index.
  await logins.index(renewed.id, entry)
  return [...(await renewed.save()), logins.sealedRecord(renewed.id, entry, tokens)]
}

/** Writes the new session's records once, looks for logouts, and replaces the former session's record. */
async function attemptWrite(
  instance: Instance,
  write: LoginWrite,
  { records, written }: AttemptInput,
): Promise<AttemptResult> {
  const { logins, renewed, formerId, former, entry, arrived } = write
  const { entries: moving, browser, mark } = selectKept({ id: formerId, hadLogins: true, record: former }, arrived)
  const copied = await logins.loginRecords.copiedTokens(formerId, renewed.id, moving)
  const entries = { ...moving, [instance.options.name]: entry }
  for (const name of Object.keys(entries)) write.names.add(name)
  const dropped = Object.keys(written?.entries ?? {}).filter((name) => !Object.hasOwn(entries, name))
  const changes = { set: [...records, ...copied], delete: makeTokensKeys(renewed.id, dropped) }
  const login = await logins.loginRecords.write(renewed.id, { entries, browser }, changes, written)
  if (!login && !written) throw storeUnavailable(new Error('the new session already has a login record'))
  if (!login || (await logins.wasLoggedOut(entry))) return { outcome: 'logged-out' }
  // Without former logins there is no record to replace: the login is valid now.
  const isDone = former.text === undefined || former.isReplaced || (await endFormer(write, moving))
  return { outcome: isDone ? 'done' : 'changed', login, mark }
}

/** Moves the logins of the former session to the new one by compare-and-set. Returns false if they have changed. */
async function endFormer(write: LoginWrite, moving: LoginEntries): Promise<boolean> {
  write.takeover = planTakeover(write.formerId, write.former, write.renewed.id, moving)
  const isEnded = await write.logins.loginRecords.takeOver(write.takeover)
  if (!isEnded) write.takeover = undefined
  return isEnded
}

/** Runs a step of cleaning up. A failure is only reported, because it must not change the outcome of the login. */
async function runCleanUp(instance: Instance, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    reportStoreFault(instance, error)
  }
}

/**
 * Deletes the former session, updates the index, and in the background revokes the tokens of logins that the new one has
 * ended. Never rejects.
 */
export async function cleanUp(
  instance: Instance,
  write: LoginWrite,
  login: LoginRecord,
  findInstance: FindInstance,
): Promise<void> {
  await runCleanUp(instance, async () => {
    void revokeReplaced(await readReplacedTokens(write, login, findInstance))
  })
  await Promise.all([
    runCleanUp(instance, () => write.renewed.dropFormer(write.former)),
    runCleanUp(instance, () => updateIndex(instance, write, login)),
  ])
}

/** Undoes a failed login, as far as the store is available. The request gets its former session back in any case. */
export async function rollback(instance: Instance, write: LoginWrite): Promise<void> {
  const { logins, renewed, entry, takeover: started } = write
  await runCleanUp(instance, async () => {
    if (started) await logins.loginRecords.undo(started)
  })
  await runCleanUp(instance, () => renewed.discard())
  await runCleanUp(instance, async () => {
    await logins.loginRecords.discard(renewed.id, [...write.names])
    await logins.forget(entry)
  })
}

/** Updates the index: moved logins lead to the new session, and all others are removed. */
async function updateIndex(
  { owner }: Instance,
  { logins, renewed, former }: LoginWrite,
  login: LoginRecord,
): Promise<void> {
  const ids = new Set(Object.values(login.entries).map(({ loginId }) => loginId))
  for (const entry of Object.values(former.entries)) {
    if (ids.has(entry.loginId)) await logins.move(renewed.id, entry)
    else if (entry.owner === owner) await logins.forget(entry)
    // Only the owner knows the login's groups. The id that remains there leads nowhere; the next reader removes it.
    else await logins.loginRecords.forgetSession(entry.loginId)
  }
}
