/** A provider in a process of its own, and what it notes about refreshes. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { TestEndpointFault, TestProviderConnection } from 'express-session-oidc/testing'

/** One request with a refresh token, as the provider saw it. */
export interface RefreshNote {
  /** The id that the sending process gave it; it begins with the process id. */
  readonly id: string
  readonly sub: string
  /** The refresh token. */
  readonly presented: string
  /** Whether the provider processed the request; otherwise it cut the connection before. */
  isProcessed: boolean
  /** Whether either side cut the connection before the whole response was sent; undefined while it is open. */
  isCut: boolean | undefined
}

/** A message to the provider's process. */
export interface ProviderCall {
  readonly id: number
  readonly name: 'arm' | 'release' | 'stop' | 'start' | 'notes'
  readonly sub: string
  readonly fault: TestEndpointFault
}

/** A message from the provider's process. */
export type ProviderNews =
  { readonly call: number; readonly answer: unknown } | { readonly met: RefreshNote } | { readonly closed: RefreshNote }

/** The fault that a user's next refresh meets. */
export interface Armed {
  /** Resolves when a request has met the fault. */
  readonly met: Promise<RefreshNote>
  /** Resolves when the connection of that request is closed. */
  readonly closed: Promise<RefreshNote>
  /** Lets a hanging request continue, and disarms the fault. */
  release(): Promise<void>
}

export interface OwnProvider {
  readonly settings: TestProviderConnection
  arm(sub: string, fault: TestEndpointFault): Promise<Armed>
  /** Goes down and cuts all connections. */
  stop(): Promise<void>
  /** Comes up again with its earlier state. */
  start(): Promise<void>
  /** What it noted about a user's refreshes, in order. */
  notes(sub: string): Promise<RefreshNote[]>
  /** Ends its process, and returns what the process printed. */
  end(): Promise<string>
}

/** Starts a program such as `chaos-provider.ts` with this many users. */
export async function startOwnProvider(path: string, users: number): Promise<OwnProvider> {
  const { PATH = '' } = process.env
  const child = fork(path, { env: { PATH, USERS: String(users) }, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (printed += text))
  }
  const ended = once(child, 'close')
  const failed = ended.then(() => {
    throw new Error(`the provider's process has ended:\n${printed}`)
  })
  failed.catch(() => {})

  const answers = new Map<number, (answer: unknown) => void>()
  const watchers = new Set<(news: ProviderNews) => void>()
  child.on('message', (news: ProviderNews) => {
    if ('call' in news) answers.get(news.call)?.(news.answer)
    else for (const watch of watchers) watch(news)
  })
  const answerTo = <Answer>(id: number): Promise<Answer> =>
    Promise.race([new Promise<Answer>((resolve) => answers.set(id, resolve as (answer: unknown) => void)), failed])
  let calls = 0
  const call = <Answer>(name: ProviderCall['name'], sub = '', fault: TestEndpointFault = {}): Promise<Answer> => {
    const id = ++calls
    child.send({ id, name, sub, fault } satisfies ProviderCall)
    return answerTo(id)
  }
  /** What happens to the request that meets the fault of a user. */
  const getFate = (sub: string): Pick<Armed, 'met' | 'closed'> => {
    let meet: (note: RefreshNote) => void = () => {}
    const met = new Promise<RefreshNote>((resolve) => (meet = resolve))
    const closed = new Promise<RefreshNote>((resolve) => {
      let id: string | undefined
      const watch = (news: ProviderNews): void => {
        if ('met' in news && news.met.sub === sub) {
          id = news.met.id
          meet(news.met)
        } else if ('closed' in news && news.closed.id === id) {
          watchers.delete(watch)
          resolve(news.closed)
        }
      }
      watchers.add(watch)
    })
    return { met, closed }
  }

  const settings = await answerTo<TestProviderConnection>(0)
  return {
    settings,
    async arm(sub, fault) {
      const fate = getFate(sub)
      await call('arm', sub, fault)
      return { ...fate, release: () => call('release', sub) }
    },
    stop: () => call('stop'),
    start: () => call('start'),
    notes: (sub) => call('notes', sub),
    async end() {
      child.kill()
      await ended
      return printed
    },
  }
}
