/** Reads the parts of a page that a user agent without a screen needs: forms, links and refreshes. */

/** A form of a page. */
export interface HtmlForm {
  readonly id: string | undefined
  readonly name: string | undefined
  /** The attribute as written; empty for the URL of the page. */
  readonly action: string
  readonly method: 'get' | 'post'
  /** The fields to submit, in order, without the buttons. */
  readonly fields: readonly (readonly [string, string])[]
  /** The buttons that submit the form. */
  readonly buttons: readonly HtmlButton[]
}

export interface HtmlButton {
  readonly name: string | undefined
  readonly value: string
  readonly label: string
  /** The button's `formaction`, which overrides the action of the form. */
  readonly action: string | undefined
}

export interface HtmlLink {
  readonly href: string
  readonly text: string
}

interface Tag {
  readonly name: string
  readonly attributes: ReadonlyMap<string, string>
  /** The text up to the next tag. */
  readonly text: string
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' }

function decode(text: string): string {
  return text.replace(
    /&(?:#(\d+)|#[xX]([\da-fA-F]+)|(\w+));/g,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return entities[name] ?? whole
      const point = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal)
      return point <= 0x10_ff_ff ? String.fromCodePoint(point) : whole
    },
  )
}

function parseAttributes(text: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>()
  for (const match of text.matchAll(/([^\s"'>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)) {
    const name = (match[1] ?? '').toLowerCase()
    if (!attributes.has(name)) attributes.set(name, decode(match[2] ?? match[3] ?? match[4] ?? ''))
  }
  return attributes
}

/** The tags of a page, in order. Names of closing tags begin with a slash. Comments, scripts and styles are left out. */
function parseTags(html: string): Tag[] {
  const visible = html.replace(/<!--[\s\S]*?-->|<(script|style)\b[\s\S]*?<\/\1\s*>/gi, '')
  return [...visible.matchAll(/<(\/?[a-z][\w-]*)((?:"[^"]*"|'[^']*'|[^'">])*)>([^<]*)/gi)].map((match) => ({
    name: (match[1] ?? '').toLowerCase(),
    attributes: parseAttributes(match[2] ?? ''),
    text: decode(match[3] ?? ''),
  }))
}

/** The text from a tag to its closing tag. */
function textFrom(tags: readonly Tag[], start: number): string {
  const closing = `/${tags[start]?.name ?? ''}`
  const end = tags.findIndex((tag, index) => index > start && tag.name === closing)
  const inside = tags.slice(start, end < 0 ? undefined : end).map((tag) => tag.text)
  return inside.join('').replace(/\s+/g, ' ').trim()
}

/** The value that a control submits without user input (HTML, "constructing the entry list"). */
function findValue(tags: readonly Tag[], index: number): string | undefined {
  const { name, attributes, text } = tags[index] as Tag
  if (name === 'textarea') return text.replace(/^\n/, '')
  if (name === 'select') {
    const end = tags.findIndex((tag, later) => later > index && tag.name === '/select')
    const options = tags.map((tag, at) => ({ tag, at })).slice(index, end < 0 ? undefined : end)
    const choices = options.filter(({ tag }) => tag.name === 'option')
    const chosen = choices.find(({ tag }) => tag.attributes.has('selected')) ?? choices[0]
    return chosen && (chosen.tag.attributes.get('value') ?? textFrom(tags, chosen.at))
  }
  const type = (attributes.get('type') ?? 'text').toLowerCase()
  if (type === 'checkbox' || type === 'radio') {
    return attributes.has('checked') ? (attributes.get('value') ?? 'on') : undefined
  }
  return ['submit', 'image', 'button', 'reset', 'file'].includes(type) ? undefined : (attributes.get('value') ?? '')
}

function isSubmitButton({ name, attributes }: Tag): boolean {
  const type = attributes.get('type')?.toLowerCase()
  if (name === 'button') return type === undefined || type === 'submit'
  return name === 'input' && (type === 'submit' || type === 'image')
}

/** The forms of a page, in order. */
export function readForms(html: string): readonly HtmlForm[] {
  const tags = parseTags(html)
  return tags.flatMap(({ name, attributes }, start) => {
    if (name !== 'form') return []
    const end = tags.findIndex((tag, index) => index > start && tag.name === '/form')
    const last = end < 0 ? tags.length : end
    const fields: [string, string][] = []
    const buttons: HtmlButton[] = []
    for (let index = start + 1; index < last; index++) {
      const tag = tags[index] as Tag
      const control = tag.attributes.get('name')
      if (tag.attributes.has('disabled')) continue
      if (isSubmitButton(tag)) {
        const value = tag.attributes.get('value') ?? ''
        const label = tag.name === 'button' ? textFrom(tags, index) : value
        buttons.push({ name: control, value, label, action: tag.attributes.get('formaction') })
      } else if (['input', 'select', 'textarea'].includes(tag.name) && control !== undefined) {
        const value = findValue(tags, index)
        if (value !== undefined) fields.push([control, value])
      }
    }
    const method = attributes.get('method')?.toLowerCase() === 'post' ? 'post' : 'get'
    const names = { id: attributes.get('id'), name: attributes.get('name') }
    return [{ ...names, action: attributes.get('action') ?? '', method, fields, buttons }]
  })
}

/** The links of a page, in order. */
export function readLinks(html: string): readonly HtmlLink[] {
  const tags = parseTags(html)
  return tags.flatMap(({ name, attributes }, index) => {
    const href = attributes.get('href')
    return name === 'a' && href !== undefined ? [{ href, text: textFrom(tags, index) }] : []
  })
}

/** The target of an immediate `<meta http-equiv="refresh">`; undefined if there is none, or only one with a delay. */
export function readRefresh(html: string): string | undefined {
  for (const { name, attributes } of parseTags(html)) {
    if (name !== 'meta' || attributes.get('http-equiv')?.toLowerCase() !== 'refresh') continue
    return /^\s*0(?:\.0*)?\s*[;,]\s*url\s*=\s*["']?(.*?)["']?\s*$/i.exec(attributes.get('content') ?? '')?.[1]
  }
  return undefined
}

/** Whether a script of the page submits its first form, as with `response_mode=form_post`. */
export function submitsItself(html: string): boolean {
  return (
    /\bforms\s*\[\s*0\s*\]\s*\.\s*submit\s*\(|\bonload\s*=\s*["'][^"']*\.submit\s*\(/i.test(html) &&
    /<form\b/i.test(html)
  )
}
