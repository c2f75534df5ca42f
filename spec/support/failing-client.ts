import type { RedisClient } from '../../lib/store/redis-client.ts'
import { RedisTap } from './redis-tap.ts'

/** A client of which one command can be made to fail, before it reaches Redis or with its answer lost. */
export interface FailingClient {
  readonly client: RedisClient
  /** Lets the `nth` command from now on fail, counted from 1; 0: none. */
  failAt(nth: number, how?: 'before' | 'after'): void
  /** Commands since then. */
  readonly commands: number
}

export function failingClient(real: RedisClient): FailingClient {
  const client = new RedisTap(real)
  return {
    client,
    failAt(nth, how = 'before') {
      client.reset()
      client[how] = ({ index }) => {
        if (index === nth - 1) throw new Error(how === 'before' ? 'the connection is gone' : 'the answer is lost')
      }
    },
    get commands() {
      return client.calls.length
    },
  }
}
