import type { OidcRedisClient } from '../../lib/store/redis-client.ts'
import { RedisTap } from './redis-tap.ts'

/** A client in which one command can fail, either before it reaches Redis or because its answer is lost. */
export interface FailingClient {
  readonly client: OidcRedisClient
  /** Makes the `nth` command from now on fail, counted from 1; 0 for none. */
  failAt(nth: number, how?: 'before' | 'after'): void
  /** The number of commands since `failAt()`. */
  readonly commands: number
}

export function failingClient(real: OidcRedisClient): FailingClient {
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
