import type { OidcRedisClient } from 'express-session-oidc/redis'
import { RedisTap } from './redis-tap.ts'

/** A client of Redis whose commands can be made to fail, and are counted. */
export interface SwitchedRedis {
  readonly client: OidcRedisClient
  /** The commands that were sent, by the name of the client's method, in order. */
  readonly commands: string[]
  /** Makes these commands fail, or all commands if there are no names. */
  readonly fail: (...names: (keyof OidcRedisClient)[]) => void
  /** Makes all commands work again. */
  readonly heal: () => void
}

export function switchedRedis(real: OidcRedisClient): SwitchedRedis {
  const client = new RedisTap(real)
  const commands: string[] = []
  let isFailing: (name: keyof OidcRedisClient) => boolean = () => false
  client.before = ({ method }) => {
    commands.push(method)
    if (isFailing(method)) throw new Error(`the store is away (${method})`)
  }
  return {
    client,
    commands,
    fail: (...names) => {
      isFailing = (name) => names.length === 0 || names.includes(name)
    },
    heal: () => {
      isFailing = () => false
    },
  }
}
