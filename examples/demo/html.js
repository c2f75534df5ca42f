/** Markup that is safe as it stands. Whatever else goes into a template is escaped. */
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
 * A tagged template: `html` parts and arrays of them go in as they are, `false`, `null` and `undefined` are left out,
 * everything else is escaped for text and for quoted attributes.
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
