/** The warnings that the process gives, from a moment on. */
import { afterEach, beforeEach } from 'vitest'
import { forgetWarnings } from '../../lib/core/warnings.ts'

export interface SeenWarning {
  readonly name: string
  readonly code: string
  readonly message: string
}

/** Collects the set-up warnings of each spec of a file, each of which begins as if none had been given. */
export function warningsOfSpecs(): SeenWarning[] {
  const seen: SeenWarning[] = []
  const note = (warning: Error & { code?: string }): void => {
    if (warning.code?.startsWith('OIDC_')) {
      seen.push({ name: warning.name, code: warning.code, message: warning.message })
    }
  }
  beforeEach(() => {
    forgetWarnings()
    seen.length = 0
    process.on('warning', note)
  })
  afterEach(() => {
    process.off('warning', note)
    forgetWarnings()
  })
  return seen
}

/** Warnings are given on the next tick: resolves once those that were made so far have been. */
export function warningsGiven(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
