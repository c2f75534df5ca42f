/**
 * The name of a record: either something of one session, or something that stands alone. Both parts of a session's
 * records must land in one place where a store is divided (one slot of a Redis Cluster).
 */
export type RecordKey =
  { readonly session: string; readonly part: string } | { readonly kind: string; readonly id: string }

/** What a write does to other records of the same session, in the same step. */
export interface Besides {
  /** What is written, whatever is there. */
  readonly written?: readonly WrittenRecord[] | undefined
  /** What is deleted; nothing there is no fault. */
  readonly dropped?: readonly RecordKey[] | undefined
}

/** A record with its value and its life in seconds. */
export interface WrittenRecord {
  readonly key: RecordKey
  readonly value: string
  readonly seconds: number
}

/**
 * Where logins, tokens and marks are kept. Values are text, lives are seconds. Every method rejects when the store
 * cannot be reached; none may answer as if nothing were there.
 *
 * `redisRecords()` is one; an application may bring its own, over a database for instance. `add`, `replace` and
 * the changes of a set must be atomic across all processes: single use of a login's response, the finality of a logout and
 * the safety of a refresh token that is good once rest on them. A key is that of a text or of a set, never of both.
 */
export interface Records {
  /** The value, or undefined where there is none or its life is over. */
  get(key: RecordKey): Promise<string | undefined>
  /** Writes, whatever is there. */
  set(key: RecordKey, value: string, seconds: number): Promise<void>
  /**
   * Writes where nothing is there, and in the same step writes and deletes other records of the same session, as
   * `besides` has it; says whether it did.
   */
  add(key: RecordKey, value: string, seconds: number, besides?: Besides): Promise<boolean>
  /**
   * Writes (or with `undefined` deletes) where exactly `expected` is there, and in the same step writes and deletes other
   * records of the same session, as `besides` has it; says whether it did.
   */
  replace(
    key: RecordKey,
    expected: string,
    value: string | undefined,
    seconds: number,
    besides?: Besides,
  ): Promise<boolean>
  /** Reads and deletes in one step. */
  take(key: RecordKey): Promise<string | undefined>
  /** Deletes; nothing there is no fault. */
  delete(keys: readonly RecordKey[]): Promise<void>
  /** Puts a member into a set, for so long; one that is in it already lives anew. */
  include(key: RecordKey, member: string, seconds: number): Promise<void>
  /** The members of a set whose life is not over, in any order; none where there is no such set. */
  members(key: RecordKey): Promise<string[]>
  /** Takes members out of a set; those that are not in it are no fault. */
  exclude(key: RecordKey, members: readonly string[]): Promise<void>
}
