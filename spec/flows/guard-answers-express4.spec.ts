import { vi } from 'vitest'
import { describeGuardAnswers } from '../support/guard-answers.ts'

// In production the package imports the Express of its application; here both get Express 4.
vi.mock('express', async () => {
  const { createRequire } = await import('node:module')
  return { default: createRequire(import.meta.url)('express4') as unknown }
})

describeGuardAnswers(4)
