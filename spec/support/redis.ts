import { createClient } from 'redis'
import { afterAll, beforeAll, inject } from 'vitest'

/** A client of the Redis for tests, which is connected while a file runs. */
export function redisForFile(): { client: ReturnType<typeof newClient>; url: string } {
  const url = inject('redisUrl')
  const client = newClient(url)
  beforeAll(async () => {
    await client.connect()
  })
  afterAll(() => client.destroy())
  return { client, url }
}

export function newClient(url: string) {
  const client = createClient({ url, disableOfflineQueue: true })
  client.on('error', () => {})
  return client
}
