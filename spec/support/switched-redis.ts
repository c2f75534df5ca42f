import type { RedisClient } from 'express-session-oidc/redis'

/** A client of Redis whose commands can be made to fail, and are counted. */
export interface SwitchedRedis {
  readonly client: RedisClient
  /** The commands that were sent, by the name of the client's method, in order. */
  readonly commands: string[]
  /** Makes these commands fail, or with no names all. */
  readonly fail: (...names: (keyof RedisClient)[]) => void
  /** All commands work again. */
  readonly heal: () => void
}

const names: readonly (keyof RedisClient)[] = ['get', 'mGet', 'set', 'del', 'getDel', 'expire', 'eval']

export function switchedRedis(real: RedisClient): SwitchedRedis {
  const commands: string[] = []
  let failing: readonly string[] = []
  const client = new Proxy(real, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      return (...parameters: unknown[]): unknown => {
        if (typeof name === 'string') {
          commands.push(name)
          if (failing.includes(name)) return Promise.reject(new Error(`the store is away (${name})`))
        }
        return (method as (...given: unknown[]) => unknown).apply(target, parameters)
      }
    },
  })
  return {
    client,
    commands,
    fail: (...given) => {
      failing = given.length > 0 ? given : names
    },
    heal: () => {
      failing = []
    },
  }
}
