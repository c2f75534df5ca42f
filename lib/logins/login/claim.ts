import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { RecordKey, Records } from '../../core/records.ts'
import { transactionSeconds } from '../../core/limits.ts'

/** How the one use of an authorization response went. */
export type Claim =
  | { readonly status: 'pending'; readonly at: number; readonly by: string }
  | { readonly status: 'done'; readonly loginId: string; readonly returnTo: string }
  | { readonly status: 'failed' }

const pollMs = 50

function claimKey(id: string): RecordKey {
  return { kind: 'claim', id }
}

/** Claims a login's authorization response: true for the first who asks, in any process. */
export async function claim(records: Records, id: string): Promise<boolean> {
  const pending = { status: 'pending', at: Date.now(), by: randomBytes(16).toString('base64url') } as const
  const text = JSON.stringify(pending satisfies Claim)
  try {
    return await records.add(claimKey(id), text, transactionSeconds)
  } catch (error) {
    // It may have been written all the same, and then its own browser would wait at the next try for a use that never was.
    records.replace(claimKey(id), text, undefined, 1).catch(() => {})
    throw error
  }
}

/** Remembers how it went, for whoever comes with the same response again. */
export function settleClaim(records: Records, id: string, outcome: Claim): Promise<void> {
  return records.set(claimKey(id), JSON.stringify(outcome), transactionSeconds)
}

/**
 * How the use of a response went that somebody else claimed: waits while that is under way, at most `seconds` from its
 * begin; undefined where nobody did.
 */
export async function claimed(records: Records, id: string, seconds: number): Promise<Claim | undefined> {
  for (;;) {
    const text = await records.get(claimKey(id))
    if (text === undefined) return undefined
    const found = JSON.parse(text) as Claim
    if (found.status !== 'pending') return found
    // Its process may have died: then this response is spent all the same.
    if (Date.now() - found.at > seconds * 1000) return { status: 'failed' }
    await wait(pollMs)
  }
}
