import type { OidcRedisClient } from 'express-session-oidc/redis'

/** Replacements for commands of a Redis. */
export interface Otherwise {
  readonly set?: (given: Parameters<OidcRedisClient['set']>) => Parameters<OidcRedisClient['set']>
  readonly eval?: (
    backend: OidcRedisClient,
    ...given: Parameters<OidcRedisClient['eval']>
  ) => ReturnType<OidcRedisClient['eval']> | undefined
}

/** A Redis without one of the protections that keep a logout final. */
export function otherwise(backend: OidcRedisClient, { set, eval: run }: Otherwise): OidcRedisClient {
  return {
    get: (key) => backend.get(key),
    mGet: (keys) => backend.mGet(keys),
    del: (keys) => backend.del(keys),
    getDel: (key) => backend.getDel(key),
    expire: (key, seconds) => backend.expire(key, seconds),
    set: (...given) => backend.set(...(set?.(given) ?? given)),
    eval: (...given) => run?.(backend, ...given) ?? backend.eval(...given),
  }
}

/** Logins in progress do not see a logout. */
export const noTombstones: Otherwise = {
  eval: (_backend, script, { keys }) =>
    script.includes('ZRANGEBYSCORE') && keys[0]?.includes('oidc:ended:') ? Promise.resolve([]) : undefined,
}

/** A record is replaced even if it has changed since it was read. */
export const noComparison: Otherwise = {
  async eval(backend, script, { keys, arguments: given }) {
    const [login] = keys as [string]
    const [expected] = given as [string]
    const isThere = script.includes('ARGV[1] then return 0') && login.includes('oidc:{')
    const found = isThere ? ((await backend.get(login)) as string | null) : null
    return backend.eval(script, { keys, arguments: [found ?? expected, ...given.slice(1)] })
  },
}

/** A session is written even if it no longer exists. */
export const noXX: Otherwise = {
  set: ([key, value, options]) => {
    const { condition, ...others } = options ?? {}
    return [key, value, condition === 'XX' ? others : (options ?? {})]
  },
}
