/** Looks for secrets in everything that was seen, in all forms in which they could get there. */
import { randomBytes } from 'node:crypto'

/** Shortest text that is searched for: shorter ones are found by chance. */
const shortest = 10
/** Texts are looked up by so many of their characters. */
const keyLength = 8

interface Needle {
  readonly secret: string
  readonly form: string
  readonly text: string
}

interface Seen {
  readonly where: string
  readonly text: string
  /** Values of secrets that the protocol puts there. */
  readonly except: readonly string[]
}

/** The characters of base64 that a text decides by itself, wherever in a longer text it stands. */
function base64Within(text: string): string[] {
  const bytes = Buffer.from(text)
  return [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    const [from, to] = [Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6)]
    return encoded.slice(from, to)
  })
}

/** A text as it is, and as it is after what programs do to texts on the way into a log, a page or a store. */
export function formsOf(value: string): Map<string, string> {
  const forms = new Map<string, string>()
  const add = (form: string, text: string): void => void (text.length >= shortest && forms.set(form, text))
  add('plain', value)
  add('URL-encoded', encodeURIComponent(value))
  add('form-encoded', new URLSearchParams([['', value]]).toString().slice(1))
  add('in JSON', JSON.stringify(value).slice(1, -1))
  add('in JSON in JSON', JSON.stringify(JSON.stringify(value)).slice(3, -3))
  add(
    'in HTML',
    value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`),
  )
  add('in capitals', value.toUpperCase())
  add('in small letters', value.toLowerCase())
  for (const [form, text] of [
    ['', value],
    [' of URL-encoded', encodeURIComponent(value)],
  ] as const) {
    for (const [at, encoded] of base64Within(text).entries()) {
      add(`base64${form} ${at}`, encoded)
      add(`base64url${form} ${at}`, encoded.replaceAll('+', '-').replaceAll('/', '_'))
    }
    add(`hex${form}`, Buffer.from(text).toString('hex'))
    add(`HEX${form}`, Buffer.from(text).toString('hex').toUpperCase())
  }
  return forms
}

/** A secret whole, its halves, and of a JWT the parts that are not the same for all. */
export function partsOf(value: string): [string, string][] {
  const middle = Math.ceil(value.length / 2)
  const [, payload, signature] = /^eyJ[\w-]+\.([\w-]+)\.([\w-]*)$/.exec(value) ?? []
  return [
    ['', value],
    [', first half', value.slice(0, middle)],
    [', second half', value.slice(middle)],
    ...(payload === undefined ? [] : [[', payload', payload] as [string, string]]),
    ...(signature === undefined ? [] : [[', signature', signature] as [string, string]]),
  ]
}

/** What is secret, what was seen, and whether any of the one is in the other. */
export class Watch {
  readonly #secrets = new Map<string, string>()
  /** By characters from the middle of each, where texts of a kind differ. */
  readonly #needles = new Map<string, Needle[]>()
  readonly #places = new Set<string>()
  #seen = new Map<string, Seen>()

  /** Plants a value, so that it is looked for from now on in all that was and will be seen. */
  plant(secret: string, value: string | null | undefined): void {
    if (!value || this.#secrets.has(value)) return
    this.#secrets.set(value, secret)
    for (const [part, partial] of partsOf(value)) {
      for (const [form, text] of formsOf(partial)) {
        const at = middleOf(text)
        const key = text.slice(at, at + keyLength)
        const needles = this.#needles.get(key) ?? []
        needles.push({ secret: value, form: form + part, text })
        this.#needles.set(key, needles)
      }
    }
  }

  see(where: string, text: string, except: readonly string[] = []): void {
    this.#places.add(where.split(':', 1)[0] as string)
    if (text.length >= shortest) this.#seen.set(`${except.join(' ')} ${text}`, { where, text, except })
  }

  get secrets(): string[] {
    return [...new Set(this.#secrets.values())].toSorted()
  }

  get places(): string[] {
    return [...this.#places].toSorted()
  }

  forgetPlaces(): void {
    this.#places.clear()
  }

  /** What was found of which secret, where, with the first of its forms; and forgets what it was found in. */
  leaks(): string[] {
    const found = new Map<string, string>()
    for (const { where, text, except } of this.#seen.values()) {
      for (let at = 0; at + keyLength <= text.length; at++) {
        for (const needle of this.#needles.get(text.slice(at, at + keyLength)) ?? []) {
          if (except.includes(needle.secret) || !text.startsWith(needle.text, at - middleOf(needle.text))) continue
          const leak = `${this.#secrets.get(needle.secret)} in ${where}`
          if (!found.has(leak)) found.set(leak, needle.form)
        }
      }
    }
    this.#seen = new Map()
    return [...found].map(([leak, form]) => `${leak} (${form})`).toSorted()
  }
}

function middleOf(text: string): number {
  return Math.floor((text.length - keyLength) / 2)
}

/** A value that is found by its words, and has characters that every encoding changes. */
export function planted(what: string): string {
  return `${what}/${randomBytes(12).toString('hex')}+&=%20"~${randomBytes(12).toString('hex')}`
}
