/** The format of an incident, and how the list refers to the specs that cover it. */

/**
 * A test, or a row of its table, that shows that the requirement holds.
 *
 * @typedef {object} Shown
 * @property {string} id of a `describe`, an `it` or a row
 * @property {string} [table] the id of the test whose table has the row; undefined if it is not a row
 */

/**
 * Something that went wrong elsewhere. It has specs, or does not apply to this package.
 *
 * @typedef {object} Incident
 * @property {string} name its number, or the complaint
 * @property {string} holds what must hold here
 * @property {readonly Shown[]} [specs]
 * @property {string} [notOurs] why it does not apply to this package
 */

/**
 * @typedef {object} Section
 * @property {string} title
 * @property {readonly Incident[]} incidents
 */

/**
 * Names tests.
 *
 * @param {...string} ids
 * @returns {Shown[]}
 */
export function at(...ids) {
  return ids.map((id) => ({ id }))
}

/**
 * Names rows of a table.
 *
 * @param {string} table the id of the test that runs each row of the table
 * @param {...string} ids of the rows
 * @returns {Shown[]}
 */
export function rows(table, ...ids) {
  return ids.map((id) => ({ id, table }))
}

/**
 * @param {string} name
 * @param {string} holds
 * @param {...(readonly Shown[])} specs
 * @returns {Incident}
 */
export function held(name, holds, ...specs) {
  return { name, holds, specs: specs.flat() }
}

/**
 * @param {string} name
 * @param {string} holds
 * @param {string} notOurs
 * @returns {Incident}
 */
export function foreign(name, holds, notOurs) {
  return { name, holds, notOurs }
}
