import { vi } from 'vitest'
import { describeGuardAnswers } from '../support/guard-answers.ts'

// The package imports the Express that its application has.
vi.mock('express', async () => {
  const { createRequire } = await import('node:module')
  return { default: createRequire(import.meta.url)('express4') as unknown }
})

describeGuardAnswers(4)
