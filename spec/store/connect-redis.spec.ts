import { Store } from 'express-session'
import { RedisStore } from 'connect-redis'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { findRedisStore } from '../../lib/store/connect-redis.ts'

/** A class like that of versions 7 and 8, which wraps the client in an adapter. */
class Adapting extends Store {
  client = this.normalizeClient()

  normalizeClient(): object {
    return {}
  }

  override get(): void {}
  override set(): void {}
  override destroy(): void {}
}

/** The exports of versions of connect-redis that are too old. */
const tooOld: [string, Record<string, unknown>][] = [
  ['version 8', { RedisStore: Adapting }],
  ['version 7', { default: Adapting, RedisStore: undefined }],
  ['version 6', { default: () => Adapting, RedisStore: undefined }],
]

describe('findRedisStore()', () => {
  it('finds the class of the installed version', () => {
    expect(findRedisStore({ RedisStore })).toBe(RedisStore)
  })

  it.each([...tooOld, ['an empty module', {}], ['a module whose RedisStore is not a class', { RedisStore: {} }]])(
    'finds no class in %s',
    (_, exported) => {
      expect(findRedisStore(exported)).toBeUndefined()
    },
  )
})

describe('express-session-oidc/redis with a connect-redis that is too old', () => {
  afterEach(() => {
    vi.doUnmock('connect-redis')
    vi.resetModules()
  })

  it.each(tooOld)(
    'loads with %s, and throws a one-line error in the constructor of RedisSessionStore',
    async (_, exported) => {
      vi.resetModules()
      vi.doMock('connect-redis', () => exported)
      const { RedisSessionStore, redisRecords } = await import('../../lib/redis.ts')
      const command = (): Promise<never> => Promise.reject(new Error('not connected'))
      const names = ['get', 'mGet', 'set', 'del', 'getDel', 'expire', 'eval']
      const client = Object.fromEntries(names.map((name) => [name, command])) as never
      const construct = (): unknown => new RedisSessionStore({ client })
      expect(construct).toThrow(TypeError)
      const message = [
        'RedisSessionStore does not support the installed connect-redis, which is older than version 9',
        'install connect-redis 9 or later, or ',
      ].join('; ')
      expect(construct).toThrow(new RegExp(`^${message}.*$`))
      expect(Object.keys(redisRecords({ client }))).toContain('replace')
    },
  )
})
