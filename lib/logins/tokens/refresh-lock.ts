import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { retryAfterSeconds } from '../../core/error-table.ts'
import { LoginNeeded, OidcError, providerUnavailable } from '../../core/errors.ts'
import type { RecordKey, Records } from '../../core/records.ts'
import type { KeptTokens } from '../../store/tokens.ts'

/** A refresh that may be under way in one place only. */
export interface LockedRefresh {
  readonly records: Records
  readonly loginId: string
  /** Life of the lock, which is renewed while there is work: as long as others wait for a process that died. */
  readonly seconds: number
  /** Refreshes. */
  readonly work: () => Promise<KeptTokens>
  /** What another has got meanwhile; undefined where nothing has changed. */
  readonly byAnother: () => Promise<KeptTokens | undefined>
}

/** How long who waits for another sleeps before looking again. */
const pollMs = 50

/**
 * Refreshes while nobody else does, or waits for who does and takes what that got. The lock spares the provider a second
 * request; what keeps two results apart is that each is only written where what was sent is still there.
 *
 * @throws OidcError `provider_unavailable` where a refresh failed a moment ago, or another does not come to an end.
 */
export async function alone({ records, loginId, seconds, work, byAnother }: LockedRefresh): Promise<KeptTokens> {
  // By the login, which another login may take along into a new session meanwhile.
  const lock: RecordKey = { kind: 'refresh', id: loginId }
  const giveUpAt = Date.now() + seconds * 1000 + pollMs
  for (;;) {
    const owner = randomBytes(16).toString('base64url')
    if (await taken(records, lock, owner, seconds)) return await holding(records, lock, owner, seconds, work)
    refuseWhileNoted(await records.get(lock))
    const found = await byAnother()
    if (found) return found
    if (Date.now() > giveUpAt) throw providerUnavailable('a refresh in another process does not come to an end')
    await wait(pollMs)
  }
}

async function taken(records: Records, lock: RecordKey, owner: string, seconds: number): Promise<boolean> {
  try {
    return await records.add(lock, owner, seconds)
  } catch (error) {
    // It may have been written all the same.
    records.replace(lock, owner, undefined, 1).catch(() => {})
    throw error
  }
}

/** Works, and then gives the lock away; a fault stays in its place for a moment, so that a provider that is down is not hammered. */
async function holding(
  records: Records,
  lock: RecordKey,
  owner: string,
  seconds: number,
  work: () => Promise<KeptTokens>,
): Promise<KeptTokens> {
  const change = (text: string | undefined, life: number): Promise<unknown> =>
    // A lock that could not be changed goes by itself.
    records.replace(lock, owner, text, life).catch(() => {})
  const renewal = setInterval(() => void change(owner, seconds), (seconds * 1000) / 3).unref()
  try {
    const tokens = await work()
    await change(undefined, 1)
    return tokens
  } catch (error) {
    await change(...noteOf(error))
    throw error
  } finally {
    clearInterval(renewal)
  }
}

const notePrefix = 'failed '

/** What others are told of a fault, and for how many seconds; nothing of what another request may well have. */
function noteOf(error: unknown): [text: string | undefined, seconds: number] {
  const isPassing =
    error instanceof OidcError &&
    !(error instanceof LoginNeeded) &&
    !['login_required', 'store_unavailable'].includes(error.code)
  if (!isPassing) return [undefined, 1]
  const seconds = Number(error.headers['Retry-After'] ?? retryAfterSeconds)
  return [notePrefix + JSON.stringify({ seconds, detail: error.detail ?? error.code }), seconds]
}

function refuseWhileNoted(text: string | undefined): void {
  if (!text?.startsWith(notePrefix)) return
  const { seconds, detail } = JSON.parse(text.slice(notePrefix.length)) as { seconds: number; detail: string }
  throw providerUnavailable(`a refresh failed a moment ago: ${detail}`, seconds)
}
