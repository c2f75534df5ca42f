import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { OidcRecordKey, OidcRecords } from '../../core/records.ts'
import { transactionSeconds } from '../../core/limits.ts'

/** State and outcome of the only use of an authorization response. */
export type ResponseUse =
  | { readonly status: 'pending'; readonly at: number; readonly by: string }
  | { readonly status: 'done'; readonly loginId: string; readonly returnTo: string }
  | { readonly status: 'failed' }

const pollMs = 50

function makeResponseUseKey(id: string): OidcRecordKey {
  return { kind: 'used', id }
}

/** Marks an authorization response as used. Returns true to the first caller only, across all processes. */
export async function consumeResponse(records: OidcRecords, id: string): Promise<boolean> {
  const pending = { status: 'pending', at: Date.now(), by: randomBytes(16).toString('base64url') } as const
  const text = JSON.stringify(pending satisfies ResponseUse)
  try {
    return await records.add(makeResponseUseKey(id), text, transactionSeconds)
  } catch (error) {
    // The store may have written the mark although its answer was lost. The next attempt would then wait for this use.
    records.replace(makeResponseUseKey(id), text, undefined, 1).catch(() => {})
    throw error
  }
}

/** Stores the outcome, for a reload, a double click or the back button. */
export function recordOutcome(records: OidcRecords, id: string, outcome: ResponseUse): Promise<void> {
  return records.set(makeResponseUseKey(id), JSON.stringify(outcome), transactionSeconds)
}

/**
 * Returns the outcome of an earlier use of a response, or undefined if there was none. Waits while that use is pending,
 * until `seconds` after it began.
 */
export async function findResponseUse(
  records: OidcRecords,
  id: string,
  seconds: number,
): Promise<ResponseUse | undefined> {
  for (;;) {
    const text = await records.get(makeResponseUseKey(id))
    if (text === undefined) return undefined
    const found = JSON.parse(text) as ResponseUse
    if (found.status !== 'pending') return found
    // The process may have died. The code may have been sent, so the response counts as used.
    if (Date.now() - found.at > seconds * 1000) return { status: 'failed' }
    await wait(pollMs)
  }
}
