import { isJsonObject } from '../core/json.ts'

/** What the login record of a session says about its browser. All hashes are short ones, see `hashShort`. */
export interface BrowserRecord {
  /** Hash of the browser's mark. */
  readonly mark: string
  /** Hashes of the secrets of the logins that were in progress in the browser when the session was created. */
  readonly logins: readonly string[]
  /** The sessions of the browser that this one has replaced, and when, in seconds since the epoch. */
  readonly replaced: readonly ReplacedSession[]
}

/** A session that another one has replaced. */
export interface ReplacedSession {
  /** Hash of its id. */
  readonly session: string
  readonly at: number
}

/** Parses the browser of a login record; undefined if it is malformed, so that nothing is trusted because of it. */
export function parseBrowser(value: unknown): BrowserRecord | undefined {
  if (!isJsonObject(value)) return undefined
  const { mark, logins, replaced } = value
  if (typeof mark !== 'string' || !hasOnly(logins, isHash) || !hasOnly(replaced, isReplaced)) return undefined
  return { mark, logins, replaced }
}

function hasOnly<Item>(value: unknown, isItem: (item: unknown) => item is Item): value is Item[] {
  return Array.isArray(value) && value.every(isItem)
}

function isHash(value: unknown): value is string {
  return typeof value === 'string'
}

function isReplaced(value: unknown): value is ReplacedSession {
  return isJsonObject(value) && typeof value['session'] === 'string' && typeof value['at'] === 'number'
}
