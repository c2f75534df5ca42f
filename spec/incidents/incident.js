/** What an incident is, and how the list says which specs hold it. */

/**
 * A spec that shows that it holds.
 *
 * @typedef {object} Shown
 * @property {string} file from the root of the project
 * @property {string} title of a `describe` or an `it` in it
 * @property {string} [row] the row of its table that is meant: a text in `rowsIn`
 * @property {string} [rowsIn] where the table is, if not in the file itself
 */

/**
 * Something that went wrong elsewhere. It has specs, or it concerns what there is not yet, or it is not ours at all.
 *
 * @typedef {object} Incident
 * @property {string} name its number, or what was complained of
 * @property {string} holds what must hold here
 * @property {readonly Shown[]} [specs]
 * @property {string} [later] what it concerns that this version does not have
 * @property {string} [notOurs] why it does not concern this package
 */

/**
 * @typedef {object} Section
 * @property {string} title
 * @property {readonly Incident[]} incidents
 */

/**
 * Specs of one file, by title.
 *
 * @param {string} file below spec/, without its ending
 * @param {...string} titles
 * @returns {Shown[]}
 */
export function at(file, ...titles) {
  return titles.map((title) => ({ file: fileOf(file), title }))
}

/**
 * Rows of a table, whose title is the same for all.
 *
 * @param {string} file below spec/, without its ending
 * @param {string} title
 * @param {string | undefined} rowsIn the file with the table, below spec/; undefined: the same
 * @param {...string} rows
 * @returns {Shown[]}
 */
export function rowsOf(file, title, rowsIn, ...rows) {
  const table = rowsIn === undefined ? {} : { rowsIn: `spec/${rowsIn}` }
  return rows.map((row) => ({ file: fileOf(file), title, row, ...table }))
}

/** @param {string} file */
function fileOf(file) {
  return file.endsWith('.ts') ? `spec/${file}` : `spec/${file}.spec.ts`
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
 * @param {string} later
 * @param {...(readonly Shown[])} specs what of it is shown already
 * @returns {Incident}
 */
export function comes(name, holds, later, ...specs) {
  return specs.length === 0 ? { name, holds, later } : { name, holds, later, specs: specs.flat() }
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
