import type { Request, Response } from 'express'
import { describe, expect, it, vi } from 'vitest'
import { fail, type OidcError } from '../../../lib/core/errors.ts'
import { FailureLog } from '../../../lib/core/failure-log.ts'
import { Events } from '../../../lib/core/events.ts'
import { answerBy } from '../../../lib/http/response/error-page.ts'
import { loginFailed, reportError } from '../../../lib/http/response/report-error.ts'
import { HandlerContext } from '../../../lib/http/request/handler-context.ts'
import type { Instance } from '../../../lib/logins/instance.ts'

/** Returns the parts of an instance that report errors, and the names of its events. */
function makeReporter(): { instance: Instance; names: string[] } {
  const events = new Events('default', new FailureLog('default', false))
  const names: string[] = []
  for (const name of ['store_fault', 'login_failed'] as const) events.on(name, () => names.push(name))
  return { instance: { events } as unknown as Instance, names }
}

function makeHandler(instance: Instance): HandlerContext {
  const res = { headersSent: false, setHeader: vi.fn<() => void>() }
  return new HandlerContext(instance, {} as Request, res as unknown as Response, vi.fn<() => void>())
}

describe('reportError', () => {
  it('emits one event for an error that several callers share', () => {
    const { instance, names } = makeReporter()
    const error = fail('store_unavailable')
    expect(reportError(instance, error)).toBe(error)
    expect(reportError(instance, error)).toBe(error)
    expect(names).toEqual(['store_fault'])
    reportError(instance, fail('store_unavailable'))
    expect(names).toEqual(['store_fault', 'store_fault'])
  })
})

describe('loginFailed', () => {
  it('emits login_failed once for a request, even if a second login fails in it', () => {
    const { instance, names } = makeReporter()
    const error = fail('callback_used')
    const handler = makeHandler(instance)
    loginFailed(handler, error)
    loginFailed(handler, fail('login_refused'))
    expect(names).toEqual(['login_failed'])
    loginFailed(makeHandler(instance), error)
    expect(names).toEqual(['login_failed', 'login_failed'])
  })
})

describe('answerWith', () => {
  it('passes an error to onError once for each request, and writes the response the second time', async () => {
    const onError = vi.fn<(error: OidcError) => void>()
    const write = vi.fn<(error: OidcError) => void>()
    const error = fail('callback_used')
    const handler = makeHandler(makeReporter().instance)
    const other = makeHandler(handler.instance)
    const { events } = handler.instance
    for (const context of [handler, handler, other]) answerBy({ onError, events }, context, error, write)
    await Promise.resolve()
    expect(onError).toHaveBeenCalledTimes(2)
    expect(write).toHaveBeenCalledTimes(1)
    answerBy({ onError, events }, handler, fail('callback_used'), write)
    await Promise.resolve()
    expect(onError).toHaveBeenCalledTimes(3)
  })
})
