import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { OidcErrorCode, OidcLogEntry } from 'express-session-oidc'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { fail, hookFailed, LoginRefused, providerUnavailable, setupInvalid } from '../../lib/core/errors.ts'
import { errorTable } from '../../lib/core/error-table.ts'
import { FailureLog, type OidcLog } from '../../lib/core/failure-log.ts'
import { addOperatorNote } from '../../lib/core/operator-notes.ts'
import { linkError, linkWarning, type OidcWarningCode } from '../../lib/core/warning-codes.ts'
import { passMs, stopClocks } from '../support/clocks.ts'

const clientSecret = 'the-secret-of-the-client'
let lines: string[]

beforeEach(() => {
  lines = []
  vi.spyOn(console, 'error').mockImplementation((line: unknown) => void lines.push(String(line)))
})

function recorder(): { log: FailureLog; entries: OidcLogEntry[] } {
  const entries: OidcLogEntry[] = []
  return { log: new FailureLog('default', (entry) => void entries.push(entry), [clientSecret]), entries }
}

describe('the log on standard error', () => {
  it('has one line with code, problem, fix and link', () => {
    new FailureLog('default').failure(fail('client_rejected', 'token endpoint: "invalid_client"'))
    expect(lines).toEqual([
      'express-session-oidc: client_rejected: the provider rejected this client or its request: token endpoint: "invalid_client"; ' +
        "compare `clientId`, `clientSecret`, `clientAuth`, the redirect URI and the grants with the client's registration at the provider " +
        '(docs/setup-mistakes.md#client_rejected-500)',
    ])
  })

  it('names an instance that has a name of its own', () => {
    new FailureLog('staff').failure(setupInvalid('the router is missing; put it first'))
    expect(lines).toEqual([
      "express-session-oidc: setup_invalid: instance 'staff': the router is missing; put it first (docs/setup-mistakes.md#setup_invalid-500)",
    ])
  })

  it('uses the fix that a detail ends with, if that names an option', () => {
    const { log, entries } = recorder()
    log.failure(providerUnavailable('discovery: the issuer is "x"; set `issuer` to exactly this value'))
    expect(entries).toMatchObject([
      {
        message: 'the provider cannot be reached or is failing: discovery: the issuer is "x"',
        fix: 'set `issuer` to exactly this value',
      },
    ])
  })

  it('has the stack of an exception of the application, indented, and those of its causes', () => {
    const cause = new RangeError('the database\nexpress-session-oidc: forged: line')
    new FailureLog('default').failure(hookFailed('afterLogin', new TypeError('no user', { cause })))
    const [text = ''] = lines
    expect(text.split('\n')[0]).toMatch(
      /^express-session-oidc: hook_failed: `afterLogin` failed: TypeError: no user; correct/,
    )
    expect(text).toMatch(/\n {4}TypeError: no user\n {8}at .*failure-log\.spec/)
    expect(text).toContain('\n    caused by: RangeError: the database\n    express-session-oidc: forged')
    expect(
      text
        .split('\n')
        .slice(1)
        .every((line) => line.startsWith('    ')),
    ).toBe(true)
  })

  it('writes nothing with false', () => {
    const log = new FailureLog('default', false)
    log.failure(fail('internal_error'))
    log.warnOnce('OIDC_MEMORY_STORE', 'x', 'y')
    expect(lines).toEqual([])
  })
})

describe('an entry of the log', () => {
  it('has all fields, and is frozen', () => {
    const { log, entries } = recorder()
    log.failure(fail('store_unavailable', 'Error: ECONNREFUSED'))
    expect(entries).toEqual([
      {
        level: 'error',
        code: 'store_unavailable',
        message: 'the session store or the records cannot be reached: Error: ECONNREFUSED',
        detail: 'Error: ECONNREFUSED',
        fix: 'check that the store is running, and that its client is connected',
        link: 'docs/setup-mistakes.md#store_unavailable-503',
        instance: 'default',
        error: undefined,
        count: 0,
      },
    ])
    expect(Object.isFrozen(entries[0])).toBe(true)
  })

  it.each<[string, unknown]>([
    ['a login that is required', fail('login_required')],
    ['a missing role', fail('not_allowed', 'missing role: admin')],
    ['a canceled login', fail('authorization_denied')],
    ['a code that the provider does not know', fail('authorization_failed')],
    ['a forged token', fail('token_invalid', 'x', { status: 401 })],
    ['a malformed request', fail('request_invalid')],
    ['a refusal of afterLogin', hookFailed('afterLogin', new LoginRefused('no'))],
  ])('does not exist for %s', (_what, error) => {
    const { log, entries } = recorder()
    log.failure(error)
    expect(entries).toEqual([])
  })

  it('is a warning if a setup mistake caused an error that blames the request', () => {
    const { log, entries } = recorder()
    const error = fail('authorization_failed', 'the provider returned "invalid_scope"')
    addOperatorNote(error, { isSetupMistake: true })
    log.failure(error)
    expect(entries).toMatchObject([{ level: 'warn', code: 'authorization_failed' }])
  })

  it('exists once for an error that is reported several times', () => {
    const { log, entries } = recorder()
    const error = fail('internal_error', 'x')
    stopClocks()
    for (let times = 0; times < 3; times++) log.failure(error)
    passMs(60_001)
    log.failure(error)
    expect(entries).toMatchObject([{ count: 0 }])
  })

  it('has neither secrets of the instance nor those that a hook got, in any text', () => {
    const { log, entries } = recorder()
    const token = 'an-access-token-of-the-user'
    const thrown = new Error(`no user for ${token} with ${clientSecret}`, { cause: new Error(`at ${token}`) })
    thrown.name = `Error of ${clientSecret}`
    log.failure(hookFailed('afterLogin', thrown, [token]))
    log.failure(new Error(`internal ${clientSecret}`))
    log.warnOnce('OIDC_CLAIMS_DROPPED', `a claim ${clientSecret}`, `drop ${clientSecret}`)
    expect(entries).toHaveLength(3)
    for (const { error, ...texts } of entries) {
      expect(JSON.stringify({ ...texts, stack: error?.stack, name: error?.name, message: error?.message })).not.toMatch(
        /an-access-token|the-secret-of/,
      )
      expect(error?.cause).toBeUndefined()
    }
    expect(entries[0]?.error?.stack).toContain('[secret]')
  })

  it('exists for whatever an application throws', () => {
    const { log, entries } = recorder()
    const odd = Object.assign(new Error('x'), { message: 5, name: undefined, stack: { odd: true } })
    const thrown = [odd, 'text', undefined, null, Symbol('s'), () => {}]
    for (const [index, value] of thrown.entries()) log.failure(hookFailed(`hook ${index}`, value))
    expect(entries).toHaveLength(thrown.length)
    expect(entries[0]).toMatchObject({
      message: '`hook 0` failed: undefined: 5',
      error: { message: '5', name: 'undefined' },
    })
  })

  it('escapes controls, so that no text can forge a line', () => {
    new FailureLog('default').failure(fail('store_unavailable', 'a\nexpress-session-oidc: forged\u001b[2J'))
    expect(lines[0]).toContain('a\\u{a}express-session-oidc: forged\\u{1b}[2J')
    expect(lines[0]).not.toContain('\n')
  })
})

describe('repeated failures', () => {
  it('are logged once a minute for each code and place, with the count of those left out', () => {
    stopClocks()
    const { log, entries } = recorder()
    for (let times = 0; times < 5; times++) log.failure(providerUnavailable(`key set: attempt ${times}`))
    log.failure(providerUnavailable('discovery: attempt'))
    log.failure(fail('client_rejected', 'key set: x'))
    expect(entries.map(({ code, count }) => [code, count])).toEqual([
      ['provider_unavailable', 0],
      ['provider_unavailable', 0],
      ['client_rejected', 0],
    ])
    passMs(59_999)
    log.failure(providerUnavailable('key set: still'))
    expect(entries).toHaveLength(3)
    passMs(1)
    log.failure(providerUnavailable('key set: again'))
    expect(entries[3]).toMatchObject({ count: 5, detail: 'key set: again' })
    passMs(60_000)
    log.failure(providerUnavailable('key set: again'))
    expect(entries[4]).toMatchObject({ count: 0 })
  })

  it('show the count in the line', () => {
    stopClocks()
    const log = new FailureLog('default')
    for (let times = 0; times < 3; times++) log.failure(fail('internal_error', 'x'))
    passMs(60_000)
    log.failure(fail('internal_error', 'x'))
    expect(lines).toHaveLength(2)
    expect(lines[1]).toMatch(/ \(2 more since the last line\)$/)
  })

  it('are not affected by a wall clock that is set back', () => {
    const { log, entries } = recorder()
    stopClocks()
    log.failure(fail('internal_error', 'x'))
    passMs(60_000)
    vi.setSystemTime(0)
    log.failure(fail('internal_error', 'x'))
    expect(entries).toHaveLength(2)
  })

  it('of two functions of the application are two places', () => {
    const { log, entries } = recorder()
    const one = (): Error => new Error('one')
    const other = (): Error => new Error('other')
    for (const make of [one, other, one, other]) log.failure(hookFailed('check', make()))
    expect(entries.map(({ error }) => error?.message)).toEqual(['one', 'other'])
  })

  it('share one place for each code beyond 100 places, and no count is lost', () => {
    stopClocks()
    const { log, entries } = recorder()
    const send = (): void => {
      for (let place = 0; place < 1000; place++) log.failure(fail('store_unavailable', `place-${place}: x`))
    }
    send()
    expect(entries).toHaveLength(101)
    passMs(60_000)
    send()
    const counted = entries.reduce((sum, { count }) => sum + count + 1, 0)
    expect(entries).toHaveLength(202)
    expect(counted).toBe(2000 - 899)
  })
})

describe('a warning about the setup', () => {
  it('is logged once for each code', () => {
    stopClocks()
    const { log, entries } = recorder()
    for (let times = 0; times < 3; times++) {
      log.warnOnce('OIDC_TRUST_PROXY', 'the cookie is lost', 'set trust proxy')
      passMs(100_000)
    }
    log.warnOnce('OIDC_MEMORY_STORE', 'x', 'y')
    expect(entries).toMatchObject([
      {
        level: 'warn',
        code: 'OIDC_TRUST_PROXY',
        link: 'docs/setup-mistakes.md#oidc_trust_proxy',
        fix: 'set trust proxy',
      },
      { code: 'OIDC_MEMORY_STORE' },
    ])
  })
})

describe('a `log` that fails', () => {
  it.each<[string, Exclude<OidcLog, false>]>([
    [
      'throws',
      () => {
        throw new TypeError('disk full')
      },
    ],
    ['rejects', () => Promise.reject(new TypeError('disk full'))],
    [
      'rejects with a thenable',
      // oxlint-disable-next-line unicorn/no-thenable -- an application may return one
      () => ({ then: (_: unknown, reject: (error: Error) => void) => reject(new TypeError('x')) }),
    ],
  ])('causes one line on standard error that has the entry, if it %s', async (_how, fails) => {
    const log = new FailureLog('default', fails)
    expect(() => log.failure(fail('store_unavailable', 'Error: down'))).not.toThrow()
    await new Promise((resolve) => setImmediate(resolve))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(
      /^express-session-oidc: OIDC_LOG_FAILED: the function `log` threw TypeError; catch its errors .* store_unavailable: .*Error: down; check/,
    )
    expect(lines[0]).not.toContain('\n')
  })
})

describe('the link of a code', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/setup-mistakes.md'), 'utf8')
  const anchors = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  )
  const codes = (Object.keys(errorTable) as OidcErrorCode[]).filter((code) => errorTable[code].operator)
  const warnings = Object.keys({
    OIDC_SECRET_DERIVED: true,
    OIDC_MEMORY_STORE: true,
    OIDC_STORE_NOT_ATOMIC: true,
    OIDC_TRUST_PROXY: true,
    OIDC_SESSION_COOKIE_STRICT: true,
    OIDC_SESSION_COOKIE_NAME: true,
    OIDC_ACCESS_TOKEN_UNVERIFIED: true,
    OIDC_FRONTCHANNEL_COOKIE: true,
    OIDC_NAME_SHARED: true,
    OIDC_SESSION_NOT_KEPT: true,
    OIDC_CLAIMS_DROPPED: true,
    OIDC_LISTENER_FAILED: true,
    OIDC_LOG_FAILED: true,
  } satisfies Record<OidcWarningCode, true>) as OidcWarningCode[]

  it.each([...codes.map(linkError), ...warnings.map(linkWarning)])('leads to a heading: %s', (link) => {
    const [file, anchor] = link.split('#')
    expect(file).toBe('docs/setup-mistakes.md')
    expect(anchors).toContain(anchor)
  })

  it('exists for each error whose status is that of a server error', () => {
    const failing = (Object.keys(errorTable) as OidcErrorCode[]).filter((code) => errorTable[code].status >= 500)
    expect(failing.filter((code) => !codes.includes(code))).toEqual([])
  })
})
