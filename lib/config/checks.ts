import { OidcError } from '../core/errors.ts'

/** Collects what is wrong with an options object, so that all of it can be said at once. */
export class Checks {
  readonly faults: string[] = []
  readonly #given: Readonly<Record<string, unknown>>

  constructor(given: unknown, what: string, known: readonly string[]) {
    if (given === null || typeof given !== 'object' || Array.isArray(given)) {
      this.faults.push(`${what} must be an object`)
      this.#given = {}
      return
    }
    this.#given = given as Record<string, unknown>
    for (const key of Object.keys(given)) {
      if (known.includes(key)) continue
      const meant = nearest(key, known)
      this.faults.push(`unknown option '${key}'${meant ? `; did you mean '${meant}'?` : ''}`)
    }
  }

  fault(message: string): void {
    this.faults.push(message)
  }

  /** The option's value; `undefined` counts as not given. */
  value(key: string): unknown {
    return this.#given[key]
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#given, key)
  }

  string(key: string, fix: string): string | undefined {
    const value = this.#given[key]
    if (value === undefined) return undefined
    if (typeof value === 'string' && value.trim() !== '') return value
    this.fault(`${key} must be a non-empty string: ${fix}`)
    return undefined
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.#given[key]
    if (value === undefined) return fallback
    if (typeof value === 'boolean') return value
    this.fault(`${key} must be true or false`)
    return fallback
  }

  oneOf<Choice extends string>(key: string, choices: readonly Choice[], fallback: Choice): Choice {
    const value = this.#given[key]
    if (value === undefined) return fallback
    if (choices.includes(value as Choice)) return value as Choice
    this.fault(`${key} must be one of ${choices.map((choice) => `'${choice}'`).join(', ')}`)
    return fallback
  }

  seconds(key: string, fallback: number, least: number, most: number): number {
    const value = this.#given[key]
    if (value === undefined) return fallback
    if (typeof value === 'number' && Number.isFinite(value) && value >= least && value <= most) return value
    this.fault(`${key} must be a number of seconds from ${least} to ${most}`)
    return fallback
  }

  function(key: string): ((...parameters: never[]) => unknown) | undefined {
    const value = this.#given[key]
    if (value === undefined) return undefined
    if (typeof value === 'function') return value as (...parameters: never[]) => unknown
    this.fault(`${key} must be a function`)
    return undefined
  }
}

/** One error for all faults of an options object. */
export function optionsInvalid(what: string, faults: readonly string[]): OidcError {
  return new OidcError(
    'options_invalid',
    `${what} cannot work with these options:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
    {
      status: 500,
    },
  )
}

function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase().replace(/[_-]/g, ''), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substituted, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
