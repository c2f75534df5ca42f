import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { errorTable, type OidcErrorCode } from '../../lib/core/error-table.ts'
import { fail } from '../../lib/core/errors.ts'

const codes = Object.keys(errorTable) as OidcErrorCode[]

describe('the table of error codes', () => {
  it('has a line with its status for each code in the documentation comment of OidcErrorCode', () => {
    const source = readFileSync(join(import.meta.dirname, '../../lib/core/error-table.ts'), 'utf8')
    const [comment = ''] = /\/\*\*\n \* The stable code of an error(?:(?!\*\/)[^])*\*\//.exec(source) ?? []
    const text = comment.replaceAll(/\n \* {3}/g, ' ')
    const documented = [...text.matchAll(/^ \* - `(\w+)`: .+ \(([^()]+)\)$/gm)].map(([, code, statuses]) => ({
      code,
      statuses,
    }))
    expect(documented.map(({ code }) => code)).toEqual(codes)
    for (const { code, statuses } of documented) {
      expect(statuses, code).toMatch(new RegExp(`\\b${errorTable[code as OidcErrorCode].status}\\b`))
    }
  })

  it.each(codes)('gives %s its status, message and Retry-After', (code) => {
    const { status, message } = errorTable[code]
    const error = fail(code, 'for the log')
    expect(error).toMatchObject({ code, status, message, detail: 'for the log' })
    expect(error.headers).toEqual(status === 503 ? { 'Retry-After': '5' } : {})
  })

  it('never tells a user to try again unless waiting helps', () => {
    for (const code of codes) {
      const { status, message, title } = errorTable[code]
      expect(/try again/i.test(message + title), code).toBe(status === 503)
    }
  })

  it('has a fix for each failure of the setup, the provider or the store, unless the message has it', () => {
    const faults = codes.filter((code) => errorTable[code].status >= 500)
    const withoutFix = faults.filter((code) => errorTable[code].fix === undefined)
    expect(withoutFix).toEqual(['options_invalid', 'setup_invalid', 'internal_error'])
    for (const code of codes) {
      const { fix, status } = errorTable[code]
      if (fix === undefined) continue
      // A clause that follows a semicolon.
      expect(fix, code).toMatch(/^[a-z`].*[^.]$/)
      if (status !== 503) expect(fix, code).not.toMatch(/again|resumes/)
    }
  })

  it('has texts that are whole sentences, and titles without a period', () => {
    for (const code of codes) {
      const { message, title } = errorTable[code]
      expect(message, code).toMatch(/^[A-Z].*\.$/)
      expect(title, code).toMatch(/^[A-Z].*[^.]$/)
    }
  })
})

describe('fail()', () => {
  it('prefers the given values to those of the table', () => {
    const error = fail('request_invalid', 'too large', {
      status: 413,
      message: 'Too large.',
      headers: { Allow: 'GET' },
    })
    expect(error).toMatchObject({ status: 413, message: 'Too large.', headers: { Allow: 'GET' } })
  })

  it('rounds Retry-After up to whole seconds, at least one', () => {
    expect(fail('provider_unavailable', 'x', { retryAfterSeconds: 0.2 }).headers).toEqual({ 'Retry-After': '1' })
    expect(fail('provider_unavailable', 'x', { retryAfterSeconds: 7.1 }).headers).toEqual({ 'Retry-After': '8' })
  })
})
