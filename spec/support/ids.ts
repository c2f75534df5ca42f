/**
 * Ids of tests. They stay the same when a title is reworded, so that the list of incidents can refer to them. A test
 * carries its id in its options, where reporters see it: `it('<title>', { meta: { id: 'login-1' } }, <function>)`.
 */
declare module 'vitest' {
  interface TaskMeta {
    /** `<name of the file>-<number>`, unique in spec/. */
    id?: string
  }
}

/** Gives an id to a row of a table: wrap the row's name, or all of the row. */
export function withId<const Row>(_id: string, row: Row): Row {
  return row
}
