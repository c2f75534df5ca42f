import type { RedisClient } from '../../lib/session/redis-client.ts'

/** A client of which one command can be made to fail, before it reaches Redis or with its answer lost. */
export interface FailingClient {
  readonly client: RedisClient
  /** Lets the `nth` command from now on fail, counted from 1; 0: none. */
  failAt(nth: number, how?: 'before' | 'after'): void
  /** Commands since then. */
  readonly commands: number
}

const names = ['get', 'mGet', 'set', 'del', 'getDel', 'expire', 'eval'] as const

export function failingClient(real: RedisClient): FailingClient {
  let nth = 0
  let how: 'before' | 'after' = 'before'
  let commands = 0
  const wrapped = Object.fromEntries(
    names.map((name) => [
      name,
      async (...parameters: never[]) => {
        const fails = ++commands === nth
        if (fails && how === 'before') throw new Error('the connection is gone')
        const answer = await (real[name] as (...all: never[]) => Promise<unknown>).apply(real, parameters)
        if (fails) throw new Error('the answer is lost')
        return answer
      },
    ]),
  )
  return {
    client: wrapped as unknown as RedisClient,
    failAt(at, kind = 'before') {
      nth = at
      how = kind
      commands = 0
    },
    get commands() {
      return commands
    },
  }
}
