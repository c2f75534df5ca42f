/** Markup that is safe to insert. Templates escape all other values. */
export class Html {
  /** @param {string} source */
  constructor(source) {
    this.source = source
  }

  toString() {
    return this.source
  }
}

/** @type {Record<string, string>} */
const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** @param {unknown} value */
export function escape(value) {
  return String(value).replace(/[&<>"']/g, (character) => entities[character] ?? character)
}

/**
 * A tagged template. It inserts `html` parts and arrays of them unchanged, and leaves out `false`, `null` and `undefined`.
 * It escapes all other values for text and for quoted attributes.
 *
 * @param {TemplateStringsArray} strings
 * @param {...unknown} values
 */
export function html(strings, ...values) {
  return new Html(strings.reduce((whole, part, index) => whole + render(values[index - 1]) + part))
}

/**
 * @param {unknown} value
 * @returns {string}
 */
function render(value) {
  if (value instanceof Html) return value.source
  if (Array.isArray(value)) return value.map(render).join('')
  if (value === undefined || value === null || value === false) return ''
  return escape(value)
}
