/**
 * What vitest runs before each file (`setupFiles`). After a test, it restores the clock, spies and stubs, and fails if a
 * rejection is left unhandled. After a file, it fails if a listener is left. Files share their process, and most share
 * their modules, so that leftovers of one file would change the next.
 */
import { channel } from 'node:diagnostics_channel'
import type { OidcEventName } from 'express-session-oidc'
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest'

// Nothing of lib/ is imported here, because a file could then no longer replace it with vi.mock.

/** Stored before a test replaces it with a fake clock. */
const nextTurn = setImmediate

function restore(): void {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
  vi.unstubAllEnvs()
}

const rejections: unknown[] = []
const noteRejection = (reason: unknown): void => void rejections.push(reason)

/** Fails here with the reason of an unhandled rejection, instead of at the end of the run. */
async function checkRejections(): Promise<void> {
  // Node reports them once the microtasks of a turn are done.
  await new Promise((resolve) => nextTurn(resolve))
  const found = rejections.splice(0)
  if (found.length > 0) throw new Error('a rejection was left unhandled', { cause: found[0] })
}

const eventNames = Object.keys({
  login_begun: true,
  login: true,
  login_failed: true,
  logout: true,
  refresh: true,
  refresh_failed: true,
  denied: true,
  token_rejected: true,
  store_fault: true,
  provider_fault: true,
} satisfies Record<OidcEventName, true>)
// Referenced permanently: on Node 20 a channel that is garbage-collected loses its subscribers.
const channels = eventNames.map((name) => channel(`express-session-oidc:${name}`))

const subscribed = (): string[] => channels.filter((one) => one.hasSubscribers).map(({ name }) => String(name))

type Listeners = ReadonlyMap<string | symbol, readonly unknown[]>

const listeners = (): Listeners => new Map(process.eventNames().map((name) => [name, process.rawListeners(name)]))

/** Removes the listeners on the process that were not there before. Returns the names of their events. */
function removeNewListeners(before: Listeners): string[] {
  return [...listeners()].flatMap(([event, now]) => {
    const added = now.filter((listener) => !before.get(event)?.includes(listener))
    for (const listener of added) process.off(event, listener as () => void)
    return added.map(() => String(event))
  })
}

process.on('unhandledRejection', noteRejection)

let listenersBefore: Listeners
let hasClockOfFile = false
// These hooks are registered first, so they begin first and end last, and see what the file's own hooks have done.
beforeAll(() => {
  // Listeners that a library adds when it is loaded stay, because other files share the library.
  listenersBefore = listeners()
})
beforeEach(() => {
  hasClockOfFile = vi.isFakeTimers()
})
afterEach(async () => {
  // A clock that a file or suite has set before its tests stays until its end.
  if (!hasClockOfFile) vi.useRealTimers()
  restore()
  await checkRejections()
})
afterAll(async () => {
  vi.useRealTimers()
  restore()
  vi.resetConfig()
  await checkRejections()
  process.off('unhandledRejection', noteRejection)
  const left = [...removeNewListeners(listenersBefore), ...subscribed()]
  if (left.length > 0) throw new Error(`the file has left listeners: ${left.join(', ')}`)
})
