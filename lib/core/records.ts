/**
 * The key of a record that belongs to one session, or to none. In a partitioned store, all records of one session must be in
 * the same partition (one slot of a Redis Cluster), because one step can change several of them.
 *
 * @example
 * const ofSession: OidcRecordKey = { session: 'Yb3k9XvQ', part: 'login' }
 * const ofNoSession: OidcRecordKey = { kind: 'refresh', id: 'pX3nW7kQ' }
 */
export type OidcRecordKey =
  { readonly session: string; readonly part: string } | { readonly kind: string; readonly id: string }

/**
 * Changes to other records of the same session, made in the same atomic step as a write.
 *
 * @example
 * const changes: OidcRecordChanges = {
 *   set: [{ key: { session: 'Yb3k9XvQ', part: 'tokens:default' }, value: 'sealed', seconds: 3600 }],
 *   delete: [{ session: 'Yb3k9XvQ', part: 'tokens:staff' }],
 * }
 */
export interface OidcRecordChanges {
  /**
   * Records to write, whether or not they exist.
   *
   * @default []
   */
  readonly set?: readonly OidcWrittenRecord[] | undefined
  /**
   * Records to delete. A key without a record is not an error.
   *
   * @default []
   */
  readonly delete?: readonly OidcRecordKey[] | undefined
}

/** A record, with its value and its lifetime in seconds. */
export interface OidcWrittenRecord {
  readonly key: OidcRecordKey
  readonly value: string
  readonly seconds: number
}

/**
 * The storage of logins, tokens and single-use marks: a key-value store with compare-and-set. `redisRecords()` returns one.
 * An application can implement its own, for example over a database, and pass it as the option `records`.
 *
 * - `add`, `replace`, `getAndDelete` and the changes of a set must be atomic across all processes. Single use of
 *   authorization responses, the finality of a logout and refresh token rotation depend on it.
 * - Every method must reject if the store cannot be reached, and must never answer as if nothing were stored.
 * - Values are strings. `seconds` is a lifetime from now and may be a fraction; round it up, if at all. A record or member
 *   that has expired does not exist.
 * - A key holds either a string or a set, never both.
 *
 * @example
 * // replace() in Postgres, without `value: undefined` and `changes`: one statement compares and writes.
 * const sql = `UPDATE records SET value = $3, ends_at = now() + $4 * interval '1 second'
 *   WHERE key = $1 AND value = $2 AND ends_at > now()`
 * const { rowCount } = await pool.query(sql, [JSON.stringify(key), expected, value, seconds])
 * return rowCount === 1
 */
export interface OidcRecords {
  /**
   * Returns the value, or undefined if there is none.
   *
   * @example
   * const value = await records.get({ session: 'Yb3k9XvQ', part: 'login' })
   */
  get(key: OidcRecordKey): Promise<string | undefined>
  /**
   * Writes a value, whether or not the record exists.
   *
   * @example
   * await records.set({ kind: 'login', id: 'pX3nW7kQ' }, 'Yb3k9XvQ', 3600)
   */
  set(key: OidcRecordKey, value: string, seconds: number): Promise<void>
  /**
   * Writes a value if the record does not exist, and then makes the `changes` in the same step. Returns whether
   * it wrote.
   *
   * @example
   * const isFirst = await records.add({ kind: 'used', id: 'k2' }, 'used', 900) // false until 900 s have passed
   */
  add(key: OidcRecordKey, value: string, seconds: number, changes?: OidcRecordChanges): Promise<boolean>
  /**
   * Writes a value if the current one equals `expected`, and then makes the changes of `changes` in the same step. With
   * the value `undefined` it deletes the record and ignores `seconds`. Returns whether it wrote or deleted.
   *
   * @example
   * const isReplaced = await records.replace({ session: 'Yb3k9XvQ', part: 'login' }, text, changedText, 3600)
   */
  replace(
    key: OidcRecordKey,
    expected: string,
    value: string | undefined,
    seconds: number,
    changes?: OidcRecordChanges,
  ): Promise<boolean>
  /**
   * Returns the value, or undefined if there is none, and deletes the record in the same step.
   *
   * @example
   * const response = await records.getAndDelete({ kind: 'response', id: 'k2' })
   */
  getAndDelete(key: OidcRecordKey): Promise<string | undefined>
  /**
   * Deletes records, not necessarily in one step. A key without a record is not an error.
   *
   * @example
   * await records.delete([{ kind: 'login', id: 'pX3nW7kQ' }])
   */
  delete(keys: readonly OidcRecordKey[]): Promise<void>
  /**
   * Adds a member to a set, with its own lifetime in seconds; for an existing member, replaces the lifetime.
   *
   * @example
   * await records.addToSet({ kind: 'logins', id: 'g7' }, 'pX3nW7kQ', 3600)
   */
  addToSet(key: OidcRecordKey, member: string, seconds: number): Promise<void>
  /**
   * Returns the members of a set in any order; none if there is no such set.
   *
   * @example
   * const loginIds = await records.members({ kind: 'logins', id: 'g7' })
   */
  members(key: OidcRecordKey): Promise<string[]>
  /**
   * Removes members from a set. A string that is not a member is not an error.
   *
   * @example
   * await records.removeFromSet({ kind: 'logins', id: 'g7' }, ['pX3nW7kQ'])
   */
  removeFromSet(key: OidcRecordKey, members: readonly string[]): Promise<void>
}
