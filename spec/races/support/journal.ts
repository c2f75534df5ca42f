import { readFileSync } from 'node:fs'
import type { RefreshNote } from './own-provider.ts'

/** Notes that the processes of `chaos-process.ts` wrote to their file, and conclusions from them. */
export class Journal {
  readonly #path: string
  readonly #killed: ReadonlySet<number>

  constructor(path: string, killed: ReadonlySet<number>) {
    this.#path = path
    this.#killed = killed
  }

  /** Number of logins that a user finished. */
  logins(sub: string): number {
    return this.#lines.filter((line) => line === `login ${sub}`).length
  }

  /** Refresh tokens used without a result: the response was cut, or the process that got it was killed before the write. */
  lost(notes: readonly RefreshNote[]): RefreshNote[] {
    const lines = new Set(this.#lines)
    return rotations(notes).filter(
      ({ id }) =>
        !lines.has(`kept ${id}`) && (!lines.has(`answered ${id}`) || this.#killed.has(Number(id.split('-')[0]))),
    )
  }

  /** Refresh tokens that were reused although no response was lost. */
  sentAgain(notes: readonly RefreshNote[]): RefreshNote[] {
    const lost = new Set(this.lost(notes))
    return rotations(notes).filter((note) => {
      const after = notes.slice(notes.indexOf(note) + 1)
      return !lost.has(note) && after.some(({ presented }) => presented === note.presented)
    })
  }

  get #lines(): string[] {
    return readFileSync(this.#path, 'utf8').split('\n')
  }
}

/** The requests that consumed a refresh token: the first processed request for each token. */
function rotations(notes: readonly RefreshNote[]): RefreshNote[] {
  const processed = notes.filter(({ isProcessed }) => isProcessed)
  return [...new Map(processed.toReversed().map((note) => [note.presented, note])).values()].toReversed()
}
