import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { OidcRecordKey, OidcRecords } from '../../core/records.ts'
import { usedSeconds } from '../../core/limits.ts'
import { hashShort } from '../../core/short-hash.ts'
import { SingleFlightMap } from '../../core/single-flight.ts'

/** State and outcome of the only use of an authorization response. */
export type ResponseUse = UseOutcome & {
  /** Hash of the response: the user may go back to the provider, which then sends another one for the same `state`. */
  readonly response: string
}

type UseOutcome =
  | { readonly status: 'pending'; readonly at: number; readonly by: string }
  | { readonly status: 'done'; readonly loginId: string; readonly returnTo: string }
  | { readonly status: 'failed' }

/** An authorization response: the id of its login, and the hash of its content. */
export interface UsedResponse {
  readonly id: string
  readonly response: string
}

const pollMs = 50

function makeResponseUseKey(id: string): OidcRecordKey {
  return { kind: 'used', id }
}

/** Returns the response of a callback, as it is compared with those that were used. */
export function identifyResponse(id: string, parameters: URLSearchParams): UsedResponse {
  const content = parameters.get('code') ?? parameters.get('error')
  return { id, response: content === null ? '' : hashShort(content) }
}

/** Whether a response was used before. With `form_post`, a reload of the callback has only `state`. */
export function isSameResponse(use: ResponseUse, { response }: UsedResponse): boolean {
  return response === '' || response === use.response
}

/** Marks an authorization response as used. Returns true to the first caller only, across all processes. */
export async function consumeResponse(records: OidcRecords, { id, response }: UsedResponse): Promise<boolean> {
  const by = randomBytes(16).toString('base64url')
  const text = JSON.stringify({ status: 'pending', at: Date.now(), by, response } satisfies ResponseUse)
  try {
    return await records.add(makeResponseUseKey(id), text, usedSeconds)
  } catch (error) {
    // The store may have written the mark although its answer was lost. The next attempt would then wait for this use.
    records.replace(makeResponseUseKey(id), text, undefined, 1).catch(() => {})
    throw error
  }
}

/** Stores the outcome, for a reload, a double click or the back button. */
export function recordOutcome(
  records: OidcRecords,
  { id, response }: UsedResponse,
  outcome: Exclude<UseOutcome, { status: 'pending' }>,
): Promise<void> {
  return records.set(makeResponseUseKey(id), JSON.stringify({ ...outcome, response }), usedSeconds)
}

/** The waits of this process, so that many requests with one response read the store no more often than one does. */
const waits = new WeakMap<OidcRecords, SingleFlightMap<ResponseUse | undefined>>()

/**
 * Returns the earlier use of a login's response, or undefined if there was none. Waits while that use is pending, until
 * `seconds` after it began.
 */
export function findResponseUse(records: OidcRecords, id: string, seconds: number): Promise<ResponseUse | undefined> {
  if (seconds === 0) return pollResponseUse(records, id, 0)
  const waiting = waits.get(records) ?? new SingleFlightMap()
  waits.set(records, waiting)
  return waiting.run(id, () => pollResponseUse(records, id, seconds))
}

async function pollResponseUse(records: OidcRecords, id: string, seconds: number): Promise<ResponseUse | undefined> {
  const began = performance.now()
  for (;;) {
    const text = await records.get(makeResponseUseKey(id))
    if (text === undefined) return undefined
    const found = JSON.parse(text) as ResponseUse
    if (found.status !== 'pending') return found
    // The process may have died, or its clock may be ahead. The code may have been sent, so the response counts as used.
    const waitedMs = Math.max(Date.now() - found.at, performance.now() - began)
    if (waitedMs > seconds * 1000) return { status: 'failed', response: found.response }
    await wait(pollMs)
  }
}
