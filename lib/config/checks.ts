import { fail, type OidcError } from '../core/errors.ts'
import { copyOwnProperties } from '../core/own-properties.ts'
import { parseScope } from '../core/scope.ts'
import { toLocalPath } from '../core/urls.ts'
import { rejectIssuer, readIssuer, type IssuerNeeds, type IssuerReading } from './issuer.ts'

/** Reads an options object and collects all its faults, so that one error can name them. */
export class Checks {
  readonly faults: string[] = []
  readonly #given: Readonly<Record<string, unknown>>

  constructor(given: unknown, what: string, known: readonly string[]) {
    if (given === null || typeof given !== 'object' || Array.isArray(given)) {
      this.faults.push(describeNonObject(what))
      this.#given = copyOwnProperties({})
      return
    }
    this.#given = copyOwnProperties(given as Record<string, unknown>)
    for (const key of Object.keys(given)) {
      if (known.includes(key)) continue
      const meant = findNearest(key, known)
      this.faults.push(`\`${key}\` is not an option${meant ? `; did you mean \`${meant}\`?` : ''}`)
    }
  }

  fault(message: string): void {
    this.faults.push(message)
  }

  /** Returns the value of an option; undefined if it is missing. */
  value(key: string): unknown {
    return this.#given[key]
  }

  /** Whether an option is present, even as `undefined`. */
  has(key: string): boolean {
    return key in this.#given
  }

  /** Adds a fault, and returns true, if an option is present but undefined: an unset variable must not weaken security. */
  refuseUndefined(key: string, fix = 'pass a value or remove the option'): boolean {
    const isUndefined = this.has(key) && this.#given[key] === undefined
    if (isUndefined) this.fault(`\`${key}\` is undefined; ${fix}`)
    return isUndefined
  }

  /** Returns a required string. */
  required(key: string, fix: string): string | undefined {
    if (this.#given[key] === undefined) this.fault(`\`${key}\` is missing; pass ${fix}`)
    return this.string(key, fix)
  }

  /** Returns a scope, given as words separated by spaces or as an array of words. */
  scope(key: string, fix = ''): string[] | undefined {
    const value = this.#given[key]
    if (value === undefined) return undefined
    const scope = parseScope(value)
    if (!scope)
      this.fault(`\`${key}\` must be words separated by spaces, or an array of words${fix && `; pass ${fix}`}`)
    return scope
  }

  /** Returns a path on an origin. */
  path(key: string, origin: string, example: string): string | undefined {
    const value = this.#given[key]
    if (value === undefined) return undefined
    const path = toLocalPath(value, origin)
    if (path === undefined) this.fault(`\`${key}\` must be a path on this origin, such as '${example}'`)
    return path
  }

  /** Reads an option that is an object. Its faults name the option. */
  nested<Result>(
    key: string,
    known: readonly string[],
    read: (inner: Checks) => Result,
    { what = `\`${key}\``, given = this.value(key) }: { readonly what?: string; readonly given?: unknown } = {},
  ): Result {
    const inner = new Checks(given, what, known)
    const result = read(inner)
    for (const fault of inner.faults) {
      this.fault(fault === describeNonObject(what) ? fault : fault.replace(/^`/, `\`${key}.`))
    }
    return result
  }

  /** Returns the option `issuer`, with its metadata if that was passed instead of the identifier. */
  issuer(needs: IssuerNeeds): Omit<IssuerReading, 'faults'> {
    const given = this.value('issuer')
    const missing =
      "`issuer` is missing; pass the provider's issuer identifier, such as 'https://id.example.com/realms/acme'"
    const { faults, ...issuer } = given === undefined ? rejectIssuer(missing) : readIssuer(given, needs)
    this.faults.push(...faults)
    return issuer
  }

  string(key: string, fix: string): string | undefined {
    const value = this.#given[key]
    if (value === undefined) return undefined
    if (typeof value === 'string' && value.trim() !== '') return value
    this.fault(`\`${key}\` must be a non-empty string; pass ${fix}`)
    return undefined
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.#given[key]
    if (value === undefined) return fallback
    if (typeof value === 'boolean') return value
    this.fault(`\`${key}\` must be true or false`)
    return fallback
  }

  choice<Choice extends string>(key: string, choices: readonly Choice[], fallback: Choice): Choice {
    const value = this.#given[key]
    if (value === undefined) return fallback
    if (choices.includes(value as Choice)) return value as Choice
    this.fault(`\`${key}\` must be one of ${choices.map((choice) => `'${choice}'`).join(', ')}`)
    return fallback
  }

  seconds(key: string, fallback: number, least: number, most: number): number {
    const value = this.#given[key]
    if (value === undefined) return fallback
    if (typeof value === 'number' && Number.isFinite(value) && value >= least && value <= most) return value
    this.fault(`\`${key}\` must be a number of seconds from ${least} to ${most}`)
    return fallback
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- options have many function types
  function<Given extends (...parameters: never[]) => unknown>(key: string): Given | undefined {
    const value = this.#given[key]
    if (value === undefined) return undefined
    if (typeof value === 'function') return value as Given
    this.fault(`\`${key}\` must be a function`)
    return undefined
  }
}

/** Fix for options that are usually read from the environment. */
export const unsetVariable = 'set the environment variable or remove the option'

function describeNonObject(what: string): string {
  return `${what} must be an object`
}

/** Creates the error that names all faults of an options object. */
export function optionsInvalid(what: string, faults: readonly string[]): OidcError {
  const list = faults.map((fault) => `  - ${fault}`).join('\n')
  return fail('options_invalid', undefined, { message: `${what} received invalid options:\n${list}` })
}

function findNearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const distance = computeEditDistance(word.toLowerCase().replace(/[_-]/g, ''), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

function computeEditDistance(a: string, b: string): number {
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
