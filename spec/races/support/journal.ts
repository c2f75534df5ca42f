import { readFileSync } from 'node:fs'
import type { RefreshNote } from './own-provider.ts'

/** What the processes of `chaos-process.ts` noted in their file, and what follows from it. */
export class Journal {
  readonly #path: string
  readonly #killed: ReadonlySet<number>

  constructor(path: string, killed: ReadonlySet<number>) {
    this.#path = path
    this.#killed = killed
  }

  /** Logins of a user that were finished. */
  logins(sub: string): number {
    return this.#lines.filter((line) => line === `login ${sub}`).length
  }

  /** The refresh tokens that were spent for nothing: the answer was cut, or who had it was killed before it was written. */
  lost(notes: readonly RefreshNote[]): RefreshNote[] {
    const lines = new Set(this.#lines)
    return rotations(notes).filter(
      ({ id }) =>
        !lines.has(`kept ${id}`) && (!lines.has(`answered ${id}`) || this.#killed.has(Number(id.split('-')[0]))),
    )
  }

  /** Those that were sent again though nothing was lost. */
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

/** The requests that spent a refresh token: of each the first that was processed. */
function rotations(notes: readonly RefreshNote[]): RefreshNote[] {
  const processed = notes.filter(({ isProcessed }) => isProcessed)
  return [...new Map(processed.toReversed().map((note) => [note.presented, note])).values()].toReversed()
}
