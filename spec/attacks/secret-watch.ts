/** Searches everything that was observed for secrets, in every encoding in which they could appear. */
import { randomBytes } from 'node:crypto'

/** Shortest text to search for. Shorter ones would match by chance. */
const shortest = 10
/** Number of characters by which texts are looked up. */
const keyLength = 8

interface Needle {
  readonly secret: string
  readonly form: string
  readonly text: string
}

interface Seen {
  readonly where: string
  readonly text: string
  /** Secrets that the protocol itself puts there. */
  readonly except: readonly string[]
}

/** The base64 characters that depend on the text alone, for each offset within a longer text. */
function base64Within(text: string): string[] {
  const bytes = Buffer.from(text)
  return [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    const [from, to] = [Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6)]
    return encoded.slice(from, to)
  })
}

/** A text and its common encodings in logs, pages and stores. */
export function getForms(value: string): Map<string, string> {
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

/** A secret, its halves, and the payload and signature of a JWT. */
export function splitParts(value: string): [string, string][] {
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

/** Collects secrets and observed texts, and finds the secrets in the texts. */
export class Watch {
  readonly #secrets = new Map<string, string>()
  /** By characters from the middle, since similar texts differ there. */
  readonly #needles = new Map<string, Needle[]>()
  readonly #places = new Set<string>()
  #seen = new Map<string, Seen>()

  /** Registers a secret, to be searched for in all texts observed before and after. */
  plant(secret: string, value: string | null | undefined): void {
    if (!value || this.#secrets.has(value)) return
    this.#secrets.set(value, secret)
    for (const [part, partial] of splitParts(value)) {
      for (const [form, text] of getForms(partial)) {
        const at = getMiddle(text)
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

  /** Each leaked secret with its place and the first encoding found. Forgets the texts that were searched. */
  leaks(): string[] {
    const found = new Map<string, string>()
    for (const { where, text, except } of this.#seen.values()) {
      for (let at = 0; at + keyLength <= text.length; at++) {
        for (const needle of this.#needles.get(text.slice(at, at + keyLength)) ?? []) {
          if (except.includes(needle.secret) || !text.startsWith(needle.text, at - getMiddle(needle.text))) continue
          const leak = `${this.#secrets.get(needle.secret)} in ${where}`
          if (!found.has(leak)) found.set(leak, needle.form)
        }
      }
    }
    this.#seen = new Map()
    return [...found].map(([leak, form]) => `${leak} (${form})`).toSorted()
  }
}

function getMiddle(text: string): number {
  return Math.floor((text.length - keyLength) / 2)
}

/** A recognizable secret with characters that every encoding changes. */
export function planted(what: string): string {
  return `${what}/${randomBytes(12).toString('hex')}+&=%20"~${randomBytes(12).toString('hex')}`
}
