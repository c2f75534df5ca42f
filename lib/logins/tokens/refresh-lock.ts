import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { retryAfterSeconds } from '../../core/error-table.ts'
import { fail, LoginNeeded, OidcError, providerUnavailable } from '../../core/errors.ts'
import type { OidcRecordKey, OidcRecords } from '../../core/records.ts'
import type { StoredTokens } from '../../store/tokens.ts'

/** A refresh that must not run twice at the same time. */
export interface LockedRefresh {
  readonly records: OidcRecords
  readonly loginId: string
  /** Lifetime of the lock, renewed while `work` runs. Other processes wait at most this long for one that has died. */
  readonly seconds: number
  readonly work: () => Promise<StoredTokens>
  /** Reads the result of another process; undefined if there is none yet. */
  readonly readResult: () => Promise<StoredTokens | undefined>
}

const pollMs = 50

/**
 * Runs `work` with the lock, or waits for the process that holds it and returns its result. The lock only saves requests to
 * the provider. Consistency does not depend on it: a result is written only if the stored tokens are those that were sent.
 *
 * @throws OidcError `provider_unavailable` if a refresh has just failed or another process does not finish in time,
 * `client_rejected` if it has just failed for that reason, and any error of `work`
 */
export async function withLock({
  records,
  loginId,
  seconds,
  work,
  readResult: byAnother,
}: LockedRefresh): Promise<StoredTokens> {
  // Named by the login, not by its session: another login may move it to a new session meanwhile.
  const lock: OidcRecordKey = { kind: 'refresh', id: loginId }
  const giveUpAt = performance.now() + seconds * 1000 + pollMs
  for (;;) {
    const owner = randomBytes(16).toString('base64url')
    if (await acquireLock(records, lock, owner, seconds)) return await runWithLock(records, lock, owner, seconds, work)
    refuseAfterFailure(await records.get(lock))
    const found = await byAnother()
    if (found) return found
    if (performance.now() > giveUpAt) throw providerUnavailable('timed out waiting for a refresh in another process')
    await wait(pollMs)
  }
}

async function acquireLock(
  records: OidcRecords,
  lock: OidcRecordKey,
  owner: string,
  seconds: number,
): Promise<boolean> {
  try {
    return await records.add(lock, owner, seconds)
  } catch (error) {
    // The store may have written the lock although its answer was lost.
    records.replace(lock, owner, undefined, 1).catch(() => {})
    throw error
  }
}

/** Runs `work`, then releases the lock. If the provider failed, a note replaces the lock, so that others wait a moment. */
async function runWithLock(
  records: OidcRecords,
  lock: OidcRecordKey,
  owner: string,
  seconds: number,
  work: () => Promise<StoredTokens>,
): Promise<StoredTokens> {
  const change = (text: string | undefined, life: number): Promise<unknown> =>
    // A lock that cannot be changed expires.
    records.replace(lock, owner, text, life).catch(() => {})
  const renewal = setInterval(() => void change(owner, seconds), (seconds * 1000) / 3).unref()
  try {
    const tokens = await work()
    await change(undefined, 1)
    return tokens
  } catch (error) {
    await change(...makeFailureNote(error))
    throw error
  } finally {
    clearInterval(renewal)
  }
}

const notePrefix = 'failed '

/** Returns the note about a failure and its lifetime in seconds; no note if the next attempt may succeed at once. */
function makeFailureNote(error: unknown): [text: string | undefined, seconds: number] {
  const isPassing =
    error instanceof OidcError &&
    !(error instanceof LoginNeeded) &&
    !['login_required', 'store_unavailable', 'setup_invalid'].includes(error.code)
  if (!isPassing) return [undefined, 1]
  const seconds = Number(error.headers['Retry-After'] ?? retryAfterSeconds)
  const { code } = error
  return [notePrefix + JSON.stringify({ seconds, detail: error.detail ?? code, code }), seconds]
}

function refuseAfterFailure(text: string | undefined): void {
  if (!text?.startsWith(notePrefix)) return
  const note = JSON.parse(text.slice(notePrefix.length)) as { seconds: number; detail: string; code?: string }
  const detail = `a recent refresh failed: ${note.detail}`
  // Waiting does not help a client that the provider rejects.
  throw note.code === 'client_rejected' ? fail('client_rejected', detail) : providerUnavailable(detail, note.seconds)
}
