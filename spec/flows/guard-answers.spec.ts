import { describeGuardAnswers } from '../support/guard-answers.ts'

describeGuardAnswers(5)
