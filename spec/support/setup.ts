/**
 * What vitest runs before each file (`setupFiles`): after a test, the clock, spies and stubs are as they were, and no
 * rejection is left unhandled; after a file, no listener of it is left. Files share their process and most share
 * their modules, so that what one left behind would change the next.
 */
import { channel } from 'node:diagnostics_channel'
import type { OidcEventName } from 'express-session-oidc'
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest'

// Nothing of lib/ is imported here: a file could not replace it with vi.mock any more.

/** Before it is replaced by a clock of a spec. */
const nextTurn = setImmediate

function restore(): void {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
  vi.unstubAllEnvs()
}

const rejections: unknown[] = []
const noteRejection = (reason: unknown): void => void rejections.push(reason)

/** Fails by the reason of a rejection that was left unhandled, rather than by the end of the run. */
async function checkRejections(): Promise<void> {
  // They are found once the microtasks of a turn are done.
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
// Kept: on Node 20 a channel that is collected as garbage loses its subscribers.
const channels = eventNames.map((name) => channel(`express-session-oidc:${name}`))

const subscribed = (): string[] => channels.filter((one) => one.hasSubscribers).map(({ name }) => String(name))

type Listeners = ReadonlyMap<string | symbol, readonly unknown[]>

const listeners = (): Listeners => new Map(process.eventNames().map((name) => [name, process.rawListeners(name)]))

/** Takes away the listeners on the process that were not there before; the names of their events. */
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
// Hooks that are registered first begin first and end last: what the file's own hooks have done is seen here.
beforeAll(() => {
  // Those that a library adds when it is loaded stay with it: other files share it.
  listenersBefore = listeners()
})
beforeEach(() => {
  hasClockOfFile = vi.isFakeTimers()
})
afterEach(async () => {
  // A clock that a file or suite has set before its tests goes on until its end.
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
