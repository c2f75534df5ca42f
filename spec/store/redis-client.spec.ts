import type { OidcRedisClient } from 'express-session-oidc/redis'
import { describe, expect, it } from 'vitest'
import { removeTimeout } from '../../lib/store/redis-client.ts'
import { redisForFile } from '../support/redis.ts'

const redis = redisForFile()

class Commands {
  readonly #limit: unknown

  constructor(limit: unknown) {
    this.#limit = limit
  }

  async mGet(): Promise<unknown[]> {
    return [this.#limit]
  }
}

/** A client whose commands return their time limit. */
class Client extends Commands {
  isReady: boolean | undefined
  readonly options: object

  constructor(isReady: boolean | undefined, timeout?: number) {
    super(timeout ?? 'its own')
    this.isReady = isReady
    this.options = timeout === undefined ? {} : { commandOptions: { timeout } }
  }

  withCommandOptions({ timeout }: { timeout: unknown }): Commands {
    return new Commands(timeout ?? 'none')
  }
}

function makeReader(client: object): () => Promise<unknown> {
  const reader = removeTimeout(client as OidcRedisClient)
  return async () => (await reader().mGet([]))[0]
}

describe('removeTimeout()', () => {
  it('removes the time limit while the client is connected, and keeps it otherwise', async () => {
    const client = new Client(true)
    const limit = makeReader(client)
    expect(await limit()).toBe('none')
    client.isReady = false
    expect(await limit()).toBe('its own')
    client.isReady = true
    expect(await limit()).toBe('none')
  })

  it('keeps a time limit that the application has chosen', async () => {
    expect(await makeReader(new Client(true, 100))()).toBe(100)
  })

  it('returns the client itself if it lacks isReady or withCommandOptions()', async () => {
    expect(await makeReader(new Client(undefined))()).toBe('its own')
    expect(await makeReader(Object.assign(new Commands('plain'), { isReady: true }))()).toBe('plain')
  })

  it('does not bypass a proxy around the client or a replaced method', async () => {
    const client = new Client(true)
    const limit = makeReader(client)
    const behind = new Proxy(client, {
      get: (target, name) => (name === 'mGet' ? async () => ['proxy'] : Reflect.get(target, name)),
    })
    expect(await makeReader(behind)()).toBe('proxy')
    client.mGet = async () => ['another']
    expect(await limit()).toBe('another')
    const tapped = Object.assign(new Client(true), { get: async () => 'another' })
    expect(await makeReader(tapped)()).toBe('its own')
  })

  it('reads the same values with a client of node-redis', async () => {
    await redis.client.set('redis-client.spec', 'value', { expiration: { type: 'EX', value: 60 } })
    const client = redis.client as unknown as OidcRedisClient
    const reader = removeTimeout(client)()
    expect(reader).not.toBe(client)
    expect(await reader.mGet(['redis-client.spec', 'nowhere'])).toEqual(['value', null])
  })
})
