import { OidcError } from 'express-session-oidc'

/** The faults that an options error lists, one text each; empty if nothing was thrown. */
export function findFaults(work: () => unknown): string[] {
  try {
    work()
  } catch (error) {
    if (!(error instanceof OidcError) || error.code !== 'options_invalid') throw error
    return error.message
      .split('\n')
      .filter((line) => line.startsWith('  - '))
      .map((line) => line.slice(4))
  }
  return []
}
