import { errorTable, type OidcErrorCode, type OperatorText } from './error-table.ts'
import { copyError, describe, maskSecrets } from './describe.ts'
import { fail, OidcError } from './errors.ts'
import { escapeInvisible } from './escape-invisible.ts'
import { findOperatorNote } from './operator-notes.ts'
import { makePrivateField, type PrivateField } from './private-field.ts'
import { linkError, linkWarning, type OidcWarningCode } from './warning-codes.ts'

/** An entry of the log: a failure that its request did not cause, or a warning about the setup. */
export interface OidcLogEntry {
  /** `warn` for warnings about the setup and for refused logins that a setup mistake caused; otherwise `error`. */
  readonly level: 'error' | 'warn'
  /** The code of the error, or of the warning. */
  readonly code: OidcErrorCode | OidcWarningCode
  /** What happened. */
  readonly message: string
  /** The `detail` of the error; undefined if it has none, and for warnings. */
  readonly detail: string | undefined
  /** The option or place, and what to do. */
  readonly fix: string
  /** Where the package documents the code: a file in the package, with the heading. */
  readonly link: string
  /** The option `name` of the instance; without one `default`, or `bearer` for `createBearer()`. */
  readonly instance: string
  /**
   * What a function of the application threw, or another unexpected error: a copy of its name, message and stack, with
   * the secrets of the instance and the request masked. Otherwise undefined.
   */
  readonly error: Error | undefined
  /** How many entries with this code and place were left out since the previous one, because they came within a minute. */
  readonly count: number
}

/** The option `log`. */
export type OidcLog = false | ((entry: Readonly<OidcLogEntry>) => unknown)

/** Time for which the same code at the same place is logged once. */
const quietMs = 60_000
/** Maximum number of places. Beyond it, a code is one place. */
const mostPlaces = 100

interface Place {
  /** When the last entry was written, by the monotonic clock. */
  writtenAt: number
  leftOut: number
}

const logged: PrivateField<true> = makePrivateField()

/** Logs the failures of one instance, and warnings about its setup. */
export class FailureLog {
  readonly #instance: string
  readonly #log: OidcLog | undefined
  readonly #secrets: readonly (string | undefined)[]
  readonly #places = new Map<string, Place>()
  readonly #warned = new Set<OidcWarningCode>()

  /** @param secrets Secrets of the instance, which no entry may contain. */
  constructor(instance: string, log?: OidcLog, secrets: readonly (string | undefined)[] = []) {
    this.#instance = instance
    this.#log = log
    this.#secrets = secrets
  }

  /** Logs an error once, unless only a request can have caused it. Anything but an OidcError is an `internal_error`. */
  failure(thrown: unknown): void {
    const error = thrown instanceof OidcError ? thrown : toInternalError(thrown)
    const note = findOperatorNote(error)
    const { operator } = errorTable[error.code]
    const isServerError = error.status >= 500
    if (!operator || !(isServerError || note?.isSetupMistake) || note?.isLogged || logged.get(error)) return
    logged.set(error, true)
    const cause = note?.thrown ?? (error.code === 'internal_error' ? copyError(error.cause, this.#secrets) : undefined)
    const text = error.detail ?? error.message.replace(/\s+/g, ' ')
    this.#write(`${findSubject(text)} ${findFrame(cause)}`, {
      level: isServerError ? 'error' : 'warn',
      code: error.code,
      ...describeFailure(operator, error.detail === undefined && operator.problem ? '' : text),
      detail: error.detail,
      link: linkError(error.code),
      error: cause,
    })
  }

  /** Logs a warning about the setup, once. */
  warnOnce(code: OidcWarningCode, problem: string, fix: string): void {
    if (this.#warned.has(code)) return
    this.#warned.add(code)
    this.warn(code, '', problem, fix)
  }

  /** Logs a warning about a place. */
  warn(code: OidcWarningCode, place: string, problem: string, fix: string): void {
    const link = linkWarning(code)
    this.#write(place, { level: 'warn', code, message: problem, detail: undefined, fix, link, error: undefined })
  }

  #write(place: string, content: Omit<OidcLogEntry, 'instance' | 'count'>): void {
    if (this.#log === false) return
    const leftOut = this.#count(`${content.code} ${place}`, content.code)
    if (leftOut === undefined) return
    const entry: OidcLogEntry = Object.freeze({
      ...content,
      message: this.#clean(content.message),
      detail: content.detail === undefined ? undefined : this.#clean(content.detail),
      fix: this.#clean(content.fix),
      instance: this.#instance,
      count: leftOut,
      error: content.error && copyError(content.error, this.#secrets),
    })
    if (this.#log) callLog(this.#log, entry)
    else print(formatEntry(entry))
  }

  /** Returns how many entries were left out before this one; undefined if this one is left out too. */
  #count(key: string, code: string): number | undefined {
    const isKnown = this.#places.has(key) || this.#places.size < mostPlaces
    const name = isKnown ? key : code
    const now = performance.now()
    const place = this.#places.get(name)
    if (place && now - place.writtenAt < quietMs) {
      place.leftOut++
      return undefined
    }
    this.#places.set(name, { writtenAt: now, leftOut: 0 })
    return place?.leftOut ?? 0
  }

  #clean(text: string): string {
    return escapeInvisible(maskSecrets(text, this.#secrets))
  }
}

/** Converts a thrown value to an OidcError. */
export function toInternalError(thrown: unknown): OidcError {
  return fail('internal_error', describe(thrown), { cause: thrown })
}

/**
 * Returns what happened and the fix. The text ends with the fix if the table has none, or if it names an option, which is
 * in backticks. Text after a problem may be of a library or a provider, which seldom has backticks.
 */
function describeFailure({ problem, fix }: OperatorText, text: string): Pick<OidcLogEntry, 'message' | 'fix'> {
  const end = text.lastIndexOf('; ')
  const ending = end < 0 ? '' : text.slice(end + 2)
  const hasFix = ending !== '' && (fix === undefined || (problem !== undefined && ending.includes('`')))
  const happened = hasFix ? text.slice(0, end) : text
  return {
    message: [problem, happened].filter((part) => part !== undefined && part !== '').join(': '),
    fix: hasFix ? ending : (fix ?? 'see the documentation of this code'),
  }
}

/**
 * Returns the part of a text that says where the failure is: up to the colon, or the first words. The rest may differ from
 * request to request.
 */
function findSubject(text: string): string {
  const colon = text.indexOf(': ')
  return colon >= 0 && colon <= 100 ? text.slice(0, colon) : text.split(' ', 3).join(' ').slice(0, 100)
}

/** Returns the place in the code where an error was created. */
function findFrame(error: Error | undefined): string {
  return /^ {4}at .*$/m.exec(error?.stack ?? '')?.[0] ?? ''
}

/** Returns an entry as one line. The stack of an error follows. */
function formatEntry({ code, message, fix, link, instance, error, count }: OidcLogEntry): string {
  const named = instance === 'default' ? '' : `instance '${instance}': `
  const repeated = count === 0 ? '' : ` (${count} more since the last line)`
  // Indented, so that no text in a stack looks like a line of the log.
  const stack = error?.stack === undefined ? '' : `\n${error.stack.replace(/^/gm, '    ')}`
  return `express-session-oidc: ${code}: ${named}${message}; ${fix} (${link})${repeated}${stack}`
}

/** Calls the application's `log`. If that fails, the entry goes to standard error: no failure of a log may break a request. */
function callLog(log: (entry: OidcLogEntry) => unknown, entry: OidcLogEntry): void {
  const report = (thrown: unknown): void => {
    const name = copyError(thrown)?.name ?? 'a value'
    const problem = `the function \`log\` threw ${name}; catch its errors (${linkWarning('OIDC_LOG_FAILED')})`
    print(
      `express-session-oidc: OIDC_LOG_FAILED: ${problem}. It was called with ${formatEntry({ ...entry, error: undefined })}`,
    )
  }
  try {
    Promise.resolve(log(entry)).catch(report)
  } catch (error) {
    report(error)
  }
}

/** Writes to standard error. Unlike `process.stderr.write`, the console ignores a closed standard error. */
function print(text: string): void {
  console.error(text)
}
