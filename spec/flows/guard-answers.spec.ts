import manifest from 'express/package.json' with { type: 'json' }
import { describeGuardAnswers } from '../support/guard-answers.ts'

// 5, and in the matrix of versions 4 too.
describeGuardAnswers(Number.parseInt(manifest.version, 10) as 4 | 5)
