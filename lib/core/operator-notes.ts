import { makePrivateField, type PrivateField } from './private-field.ts'

/** What an error has for the log, but neither for users nor for the application. */
export interface OperatorNote {
  /** Whether a setup mistake caused the error, although its status blames the request. */
  readonly isSetupMistake?: true
  /** Whether the failure behind the error is in the log already. */
  readonly isLogged?: true
  /** A copy of the error that the application's function threw, without the secrets that the function got. */
  readonly thrown?: Error | undefined
}

const notes: PrivateField<OperatorNote> = makePrivateField()

export function addOperatorNote(error: object, note: OperatorNote): void {
  notes.set(error, note)
}

export function findOperatorNote(error: object): OperatorNote | undefined {
  return notes.get(error)
}
