/** The setup warnings that instances log. */
import { afterEach, beforeEach, vi } from 'vitest'
import { collectLog } from './log.ts'

export interface SeenWarning {
  readonly code: string
  /** What happened, and the fix. */
  readonly message: string
}

/** Collects the setup warnings of each test of a file: those of apps, and those on standard error. */
export function warningsOfSpecs(): SeenWarning[] {
  const seen: SeenWarning[] = []
  let stop: (() => void) | undefined
  beforeEach(() => {
    seen.length = 0
    stop = collectLog(({ code, message, fix }) => {
      if (code.startsWith('OIDC_')) seen.push({ code, message: `${message}; ${fix}` })
    })
    const print = console.error.bind(console)
    vi.spyOn(console, 'error').mockImplementation((...given: unknown[]) => {
      const [, code, message] = /^express-session-oidc: (OIDC_\w+): (.*) \(docs\/[^()]*\)/.exec(String(given[0])) ?? []
      if (code !== undefined && message !== undefined) seen.push({ code, message })
      else print(...given)
    })
  })
  afterEach(() => stop?.())
  return seen
}
