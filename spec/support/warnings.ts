/** The warnings that the process emits. */
import { afterEach, beforeEach } from 'vitest'
import { forgetWarnings } from '../../lib/core/warnings.ts'

export interface SeenWarning {
  readonly name: string
  readonly code: string
  readonly message: string
}

/** Collects the setup warnings of each test of a file. Each test starts as if none had been emitted. */
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

/** Resolves once all warnings so far have been emitted, which happens on the next tick. */
export function warningsGiven(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
