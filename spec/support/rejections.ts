import { afterAll, afterEach, beforeAll } from 'vitest'

/** Fails each test of a file that leaves a rejection unhandled, by its reason rather than by the end of the run. */
export function noUnhandledRejections(): void {
  const reasons: unknown[] = []
  const note = (reason: unknown): void => void reasons.push(reason)
  beforeAll(() => void process.on('unhandledRejection', note))
  afterAll(() => void process.off('unhandledRejection', note))
  afterEach(async () => {
    // They are found once the microtasks of a turn are done.
    await new Promise((resolve) => setImmediate(resolve))
    const found = reasons.splice(0)
    if (found.length > 0) throw new Error('a rejection was left unhandled', { cause: found[0] })
  })
}
