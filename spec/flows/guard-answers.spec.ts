import manifest from 'express/package.json' with { type: 'json' }
import { describeGuardAnswers } from '../support/guard-answers.ts'

// The version matrix also runs this file with Express 4.
describeGuardAnswers(Number.parseInt(manifest.version, 10) as 4 | 5)
